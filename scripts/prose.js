'use strict'

// An ESLint plugin for what people read: pages in Markdown, and comments.
// `words` refuses words for which docs/glossary.md has another, `sentences` those that are too long or have no noun as their subject.

/** Words, and what to say instead. */
const WORDS = [
  [/\bstock\b/i, "Node's stream"],
  [/\blids?\b/i, 'memory limit'],
  [/\bpatience\b/i, 'idle timeout'],
  [/\bnap(s|ping)?\b/i, 'linger, park'],
  [/\brous(e|es|ed|ing)\b/i, 'wake, unpark'],
  [/\bhurr(y|ies|ied)\b/i, 'poll'],
  [/\bnews\b/i, 'wake'],
  [/\bcomers?\b/i, 'who holds the lease'],
  [/\bdrainers?\b/i, 'write job'],
  [/\bdrain(ed|ing)\b/i, "write; 'drain' is the event"],
  [/\bmend(s|ed|ing)?\b/i, 'fix'],
  [/\bwait(s|ed|ing)? out\b/i, 'retry'],
  [/\w,? say,/i, 'for example'],
  [/(?<!--)\bmarks?\b(?<!(high|low)-water marks?)/i, 'high-water mark']
]

/** The same text, as long as it was, without what is not prose: code becomes one word each. */
function blank (text) {
  const space = found => found.replace(/\S/g, ' ')
  return text
    .replace(/```[^]*?```/g, space)
    .replace(/@\w+( \{.*\})?( \[?\w+)?/g, found => `@${space(found.slice(1))}`)
    .replace(/`[^`]*`/g, found => 'X'.repeat(found.length))
    .replace(/\]\([^)]*\)|<[^>\n]*>|https?:\S*|^ +\*/gm, space)
    .replace(/[*_|[\]]/g, ' ')
}

/** @returns {{ index: number, text: string }[]} */
function sentencesOf (text) {
  // A line break ends a sentence only before an empty line, an item of a list, and a tag of JSDoc.
  const lines = text.replace(/\n(?!\s*(\n|- |@))/g, ' ')
  const segments = new Intl.Segmenter('en', { granularity: 'sentence' }).segment(lines)
  return [...segments].map(({ index, segment }) => ({ index: index + segment.search(/\S|$/), text: segment.trim() }))
}

/**
 * A rule that reports what `find` has to say of each paragraph of a page, and of each comment.
 * @param {(text: string, option: any, isPage: boolean) => { index: number, message: string }[]} find
 * @param {object} option its JSON schema
 */
function rule (find, option) {
  return {
    meta: { type: 'suggestion', schema: [option] },
    create (context) {
      const { sourceCode, options } = context
      const isPage = sourceCode.ast.type === 'root'
      const check = (text, start) => {
        for (const { index, message } of find(text, options[0], isPage)) context.report({ loc: sourceCode.getLocFromIndex(start + index), message })
      }
      const checkNode = node => check(blank(sourceCode.getText(node)), sourceCode.getRange(node)[0])
      const checkComments = () => {
        for (const { value, range } of sourceCode.getAllComments()) check(blank(value), range[0] + 2)
      }
      return { paragraph: checkNode, heading: checkNode, tableCell: checkNode, Program: checkComments }
    }
  }
}

const words = rule((text, allowed = []) => WORDS.flatMap(([pattern, better]) => {
  const found = pattern.exec(text)
  return found === null || allowed.includes(found[0].toLowerCase()) ? [] : [{ index: found.index, message: `'${found[0]}': ${better}` }]
}), { type: 'array', items: { type: 'string' } })

const sentences = rule((text, longest = 40, isPage) => sentencesOf(text).flatMap(({ index, text }) => {
  const { length } = text.match(/\S*[a-z]\S*/gi) ?? []
  if (length > longest) return [{ index, message: `a sentence of ${length} words` }]
  // The comment on a thing often begins so: it is a name, and no sentence.
  if (isPage && /^(Who|What|Whoever|Whatever)\b.*\.$/.test(text)) return [{ index, message: `'${text.slice(0, 30)}…' has no noun as its subject` }]
  return []
}), { type: 'integer' })

module.exports = { rules: { words, sentences } }

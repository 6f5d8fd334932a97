'use strict'

// What the pages say can be followed: links lead somewhere, and code is code.

const fs = require('node:fs')
const path = require('node:path')
const vm = require('node:vm')

const ROOT = path.join(__dirname, '..')

function pagesIn (folder) {
  return fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap(entry => {
    const name = path.join(folder, entry.name)
    if (entry.isDirectory()) return folder === '.' ? [] : pagesIn(name)
    return name.endsWith('.md') ? [name] : []
  })
}

const PAGES = [...pagesIn('.'), ...pagesIn('docs')]

const read = page => fs.readFileSync(path.join(ROOT, page), 'utf8')
const withoutCode = text => text.replace(/^```[^]*?^```$/gm, '').replace(/`[^`\n]*`/g, '')

/** As GitHub makes them of headings. */
function anchorsOf (text) {
  const headings = [...text.replace(/^```[^]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading)
  return headings.map(heading => heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'))
}

/** Links and pictures of a page that lead into this repository. */
function linksOf (page) {
  const links = [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link)
  return links.filter(link => !/^[a-z]+:/.test(link))
}

function isThere (page, link) {
  const [file, anchor] = link.split('#')
  const target = file === '' ? page : path.join(path.dirname(page), file)
  if (!fs.existsSync(path.join(ROOT, target))) return false
  return anchor === undefined || anchorsOf(read(target)).includes(anchor)
}

/** The pieces of JavaScript of a text. */
const snippetsOf = text => [...text.matchAll(/^```(?:js|javascript|cjs|mjs)\n([^]*?)^```$/gm)].map(([, code]) => code)

/** Those of doc comments. */
const examplesOf = text => [...text.matchAll(/^ +\* ```js\n((?: +\*.*\n)*?) +\* ```$/gm)].map(([, code]) => code.replace(/^ +\* ?/gm, ''))

/** Throws unless `code` is JavaScript: that of a module, or of a function that may wait. */
function compile (code) {
  const body = code.replace(/^import .* from .*$/gm, '').replace(/^import '.*'$/gm, '').replace(/^export /gm, '')
  return new vm.Script(`(async () => {${body}\n})`)
}

test.each(PAGES)('the links of %s lead somewhere', page => {
  expect(linksOf(page).filter(link => !isThere(page, link))).toEqual([])
})

test.each(PAGES.filter(page => snippetsOf(read(page)).length > 0))('the code in %s is code', page => {
  for (const code of snippetsOf(read(page))) expect(() => compile(code)).not.toThrow()
})

test('the examples in doc comments are code', () => {
  const examples = fs.readdirSync(ROOT).filter(name => name.endsWith('.d.ts')).flatMap(name => examplesOf(read(name)))
  expect(examples.length).toBeGreaterThan(2)
  for (const code of examples) expect(() => compile(code)).not.toThrow()
})

test('a link that leads nowhere, and code that is none, would be found', () => {
  expect(isThere('README.md', 'docs/none.md')).toBe(false)
  expect(isThere('README.md', '#none')).toBe(false)
  expect(isThere('README.md', '#install')).toBe(true)
  expect(() => compile('const = 1')).toThrow()
})

'use strict'

// `npm run lint` refuses words and sentences over which a newcomer stumbles, on pages and in comments.

const { spawnSync } = require('node:child_process')
const path = require('node:path')

const ROOT = path.join(__dirname, '..', '..')
const ESLINT = path.join(ROOT, 'node_modules', 'eslint', 'bin', 'eslint.js')

/** @returns {string[]} what is wrong with a file that has this name and text */
function lint (name, text) {
  const { stdout } = spawnSync(process.execPath, [ESLINT, '--stdin', '--stdin-filename', path.join(ROOT, name), '--format', 'json'], { input: text, encoding: 'utf8' })
  const [{ messages }] = JSON.parse(stdout)
  return messages.map(({ line, column, message }) => `${line}:${column} ${message}`)
}

const words = count => 'word '.repeat(count).trim()

test('on a page', () => {
  expect(lint('docs/page.md', `# What it does

The stream has a lid and a mark.
It is like stock.

| a table |
|---|
| news |

It is short. Then come ${words(39)}. Then come ${words(39)}
\`code\`.

Who ignores false fills the memory. Who waits? A producer that

- ${words(40)}
- ${words(40)}

The high-water mark, \`mark\`, [a link](lid.md).

\`\`\`
lid
\`\`\`
`)).toEqual([
    "3:18 'lid': memory limit",
    "3:28 'mark': high-water mark",
    "4:12 'stock': Node's stream",
    "8:3 'news': wake",
    '10:14 a sentence of 41 words',
    `10:${14 + 'Then come . '.length + words(39).length} a sentence of 42 words`,
    "13:1 'Who ignores false fills the me…' has no noun as its subject"
  ])
})

test('in comments', () => {
  expect(lint('lib/code.js', `'use strict'

const lid = 1 // A lid.

/**
 * What the stream tells. ${words(30)}
 * @param {{ lid: string }} lid ${words(30)}
 *
 * ${words(30)}
 */
exports.f = lid

// It has patience. Then come ${words(39)}.
`)).toEqual([
    "3:20 'lid': memory limit",
    "13:11 'patience': idle timeout",
    '13:21 a sentence of 41 words'
  ])
})

test('where Node\'s stream is measured it may be called stock', () => {
  expect(lint('__tests__/a.test.js', '// As stock does.\n')).toEqual([])
  expect(lint('lib/a.js', '// As stock does.\n')).toEqual(["1:7 'stock': Node's stream"])
})

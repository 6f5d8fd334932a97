'use strict'

// Pages of docs/ whose code is run as it stands there.

const fs = require('node:fs')
const path = require('node:path')
const { runScript } = require('./child.js')

const DOCS = path.join(__dirname, '..', '..', 'docs')

/**
 * The `js` blocks of a page, those under one heading joined.
 * @returns {Map<string, string>} code by heading
 */
function readPage (name) {
  const text = fs.readFileSync(path.join(DOCS, `${name}.md`), 'utf8')
  const snippets = new Map()
  let heading
  for (const [, title, code] of text.matchAll(/^#+ (.+)$|^```js\n([^]*?)^```$/gm)) {
    if (title !== undefined) heading = title
    else snippets.set(heading, (snippets.get(heading) ?? '') + code)
  }
  return snippets
}

/**
 * Tests of a page's code. A heading without tests fails, and so do tests without a heading.
 *
 * A test is given `run(script, options)`: runs the heading's code and then
 * `script`, which sees its names, as a Node program in a folder of its own. It
 * resolves to what `script` returns, by way of JSON. With `options.name` it
 * resolves to what runScript does: how the process ended, and that file.
 *
 * @param {string} name of the page
 * @param {{ [heading: string]: string | { [test: string]: (run: Function) => Promise<void> } }} cases
 *   a string says why the heading's code can't run here
 */
function testPage (name, cases) {
  const snippets = readPage(name)
  test('all code of the page is run', () => {
    expect(Object.keys(cases)).toEqual([...snippets.keys()])
  })
  for (const [heading, tests] of Object.entries(cases)) {
    describe(heading, () => {
      if (typeof tests === 'string') return test.skip(tests, () => {})
      for (const [title, body] of Object.entries(tests)) {
        test(title, () => body((script, options) => runSnippet(snippets.get(heading), script, options)))
      }
    })
  }
}

async function runSnippet (snippet, script, options = {}) {
  const program = `
    const main = async () => { ${snippet}
      ${script}
    }
    main()${options.name === undefined ? '.then(value => fs.writeFileSync(file, JSON.stringify(value)))' : ''}`
  const result = await runScript('spillway', program, { ...options, packages: true })
  if (options.name !== undefined) return result
  if (result.code !== 0 || result.content === null) throw new Error(`the program ended with ${result.code}: ${result.stderr}`)
  return JSON.parse(result.content)
}

module.exports = { testPage }

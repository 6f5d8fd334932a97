'use strict'

// What the pages say can be followed: links lead somewhere, and code is code.

const fs = require('node:fs')
const path = require('node:path')
const vm = require('node:vm')
const { isThere, linksOf } = require('../helpers/links.js')

const ROOT = path.join(__dirname, '..', '..')

function pagesIn (folder) {
  return fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap(entry => {
    const name = path.join(folder, entry.name)
    if (entry.isDirectory()) return folder === '.' ? [] : pagesIn(name)
    return name.endsWith('.md') ? [name] : []
  })
}

const PAGES = [...pagesIn('.'), ...pagesIn('docs')]

const inRoot = page => path.join(ROOT, page)
const read = page => fs.readFileSync(inRoot(page), 'utf8')

/** The pieces of JavaScript of a text. */
const snippetsOf = text => [...text.matchAll(/^```(?:js|javascript|cjs|mjs)\n([^]*?)^```$/gm)].map(([, code]) => code)

/** Throws unless `code` is JavaScript: that of a module, or of a function that may wait. */
function compile (code) {
  const body = code.replace(/^import .* from .*$/gm, '').replace(/^import '.*'$/gm, '').replace(/^export default /gm, 'void ').replace(/^export /gm, '')
  return new vm.Script(`(async () => {${body}\n})`)
}

test.each(PAGES)('the links of %s lead somewhere', page => {
  expect(linksOf(inRoot(page)).filter(link => !isThere(inRoot(page), link))).toEqual([])
})

test.each(PAGES.filter(page => snippetsOf(read(page)).length > 0))('the code in %s is code', page => {
  for (const code of snippetsOf(read(page))) expect(() => compile(code)).not.toThrow()
})

test('a link that leads nowhere, and code that is none, would be found', () => {
  expect(isThere(inRoot('README.md'), 'docs/none.md')).toBe(false)
  expect(isThere(inRoot('README.md'), '#none')).toBe(false)
  expect(isThere(inRoot('README.md'), '#install')).toBe(true)
  expect(() => compile('const = 1')).toThrow()
})

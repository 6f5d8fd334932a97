'use strict'

// docs/api is what typedoc makes of the types and their comments.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const DOCS = path.join(__dirname, '..', '..', 'docs', 'api')
const TYPEDOC = path.join(__dirname, 'node_modules', 'typedoc', 'bin', 'typedoc')

const pagesIn = folder => Object.fromEntries(fs.readdirSync(folder).map(name => [name, fs.readFileSync(path.join(folder, name), 'utf8')]))

test('the API reference is up to date: `npm run docs:api` makes it', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-api-'))
  execFileSync(process.execPath, [TYPEDOC, '--options', path.join(__dirname, 'typedoc.json'), '--treatWarningsAsErrors', '--out', folder])
  expect(pagesIn(DOCS)).toEqual(pagesIn(folder))
  fs.rmSync(folder, { recursive: true })
})

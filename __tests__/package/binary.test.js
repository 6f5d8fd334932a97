'use strict'

// What is built is small and stripped, and what is released runs on old systems.

const fs = require('node:fs')
const path = require('node:path')
const { hasSymbols, neededVersions } = require('../helpers/elf.js')

const ROOT = path.join(__dirname, '..', '..')
/** Of Debian 10 and RHEL 8; no Node that we support runs on an older one. */
const OLDEST_GLIBC = '2.28'

function addonsIn (folder) {
  if (!fs.existsSync(folder)) return []
  return fs.readdirSync(folder).filter(name => name.endsWith('.node')).map(name => path.join(folder, name))
}

const built = addonsIn(ROOT)
const released = addonsIn(path.join(ROOT, 'artifacts'))
const isElf = file => path.basename(file).includes('.linux-')

const isNewer = (a, b) => a.localeCompare(b, 'en', { numeric: true }) > 0

/** Where there are no files, jest is to say so. */
function testEach (files, name, body) {
  if (files.length === 0) test.skip(`${name}: there is none here`, () => {})
  for (const file of files) test(`${name}: ${path.relative(ROOT, file)}`, () => body(fs.readFileSync(file)))
}

testEach([...built, ...released], 'an addon is below 3 MB', file => {
  expect(file.length).toBeLessThan(3_000_000)
})

testEach([...built, ...released].filter(isElf), 'an addon for Linux is stripped', file => {
  expect(hasSymbols(file)).toBe(false)
})

// What is built without npm run build:release may need the glibc of its own machine.
testEach(released.filter(file => file.endsWith('-gnu.node')), `a released addon needs no glibc after ${OLDEST_GLIBC}`, file => {
  const versions = neededVersions(file).filter(name => name.startsWith('GLIBC_')).map(name => name.slice('GLIBC_'.length))
  expect(versions.length).toBeGreaterThan(0)
  expect(versions.filter(version => isNewer(version, OLDEST_GLIBC))).toEqual([])
})

testEach(released.filter(file => file.endsWith('-musl.node')), 'a released addon for musl needs no glibc', file => {
  expect(neededVersions(file).filter(name => name.startsWith('GLIBC_'))).toEqual([])
})

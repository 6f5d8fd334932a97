'use strict'

// No addon: one clear error. And a failure of the addon's: one clear error.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { getSystemErrorMap } = require('node:util')
const { errnoOf, writeFailed } = require('../lib/errors.js')
const { runScript } = require('./helpers/child.js')

test('without an addon require() names the platform and the command that builds it', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-'))
  const root = path.join(__dirname, '..')
  try {
    for (const entry of ['index.js', 'package.json', 'native.js', 'lib']) {
      fs.cpSync(path.join(root, entry), path.join(folder, entry), { recursive: true })
    }
    const { code, stderr } = await runScript('stock', `require(${JSON.stringify(folder)})`)
    expect(code).toBe(1)
    expect(stderr).toMatch(`spillway has no addon for ${process.platform}-${process.arch}`)
    // That it does is shown in pack/install.test.js.
    expect(stderr).toMatch('npx --yes --package=@napi-rs/cli@3 npm run build')
    expect(stderr).toMatch("code: 'ERR_DLOPEN_FAILED'")
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
})

test('an errno becomes the error that Node makes of it', () => {
  for (const [errno, [code, text]] of getSystemErrorMap()) {
    expect(writeFailed({ errno: -errno, message: '' })).toMatchObject({ errno, code, syscall: 'write', message: `${code}: ${text}, write` })
  }
})

test('a name becomes the number by which Rust tells the error, which is libuv\'s: the system has others on Windows', () => {
  const named = [...getSystemErrorMap()].filter(([, [code]]) => code in os.constants.errno)
  expect(named.length).toBeGreaterThan(50)
  for (const [errno, [code]] of named) expect([code, errnoOf(code)]).toEqual([code, -errno])
  // libuv has no name for it, and Windows no error.
  expect(errnoOf('EDQUOT')).toBe(os.constants.errno.EDQUOT ?? errnoOf('ENOSPC'))
  expect(errnoOf('ENOSUCH')).toBe(undefined)
})

test('an errno that Node does not know is told by its number', () => {
  expect(writeFailed({ errno: 4242, message: '' })).toMatchObject({ errno: -4242, code: 'E4242', syscall: 'write' })
})

// That a panic becomes a failure, and neither hangs nor aborts, is tested in Rust: tests/drain.rs.
test('a panic in the drain job becomes an error that says so', () => {
  expect(writeFailed({ errno: 0, message: 'the drain job panicked: boom' }))
    .toMatchObject({ code: 'ERR_SPILLWAY_PANIC', message: 'the drain job panicked: boom' })
})

'use strict'

// No addon, or one of another version: one clear error. And a failure of the addon's: one clear error.

const fs = require('node:fs')
const { isBuiltin } = require('node:module')
const os = require('node:os')
const path = require('node:path')
const { getSystemErrorMap } = require('node:util')
const { errnoOf, writeFailed } = require('../lib/errors.js')
const { runScript } = require('./helpers/child.js')

const ROOT = path.join(__dirname, '..')
const { version } = require('../package.json')

/** What the generated loader asks for, but for Node's own. */
const PLATFORM_PACKAGES = [...fs.readFileSync(path.join(ROOT, 'native.js'), 'utf8').matchAll(/require\('(@?[\w-]+\/?[\w-]+)'\)/g)]
  .map(([, name]) => name)
  .filter(name => !isBuiltin(name))

/** Requires a copy of this package that was given no addon. `prepare(folder)` adds to it. */
async function requireCopy (prepare) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-'))
  try {
    for (const entry of ['index.js', 'package.json', 'native.js', 'lib']) {
      fs.cpSync(path.join(ROOT, entry), path.join(folder, entry), { recursive: true })
    }
    prepare?.(folder)
    return await runScript('stock', `require(${JSON.stringify(folder)})`)
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

/** A package in the project's `node_modules` that says when it is loaded. */
function addPackage (folder, name, addonVersion) {
  const home = path.join(folder, 'node_modules', name)
  fs.mkdirSync(home, { recursive: true })
  fs.writeFileSync(path.join(home, 'package.json'), JSON.stringify({ name, version: addonVersion }))
  fs.writeFileSync(path.join(home, 'index.js'), `console.log('loaded'); exports.version = () => '${addonVersion}'`)
}

test('without an addon require() names the platform and the command that builds it', async () => {
  const { code, stderr } = await requireCopy()
  expect(code).toBe(1)
  expect(stderr).toMatch(`spillway has no addon for ${process.platform}-${process.arch}`)
  // That it does is shown in pack/install.test.js.
  expect(stderr).toMatch('npx --yes --package=@napi-rs/cli@3 npm run build')
  expect(stderr).toMatch("code: 'ERR_DLOPEN_FAILED'")
})

test('a platform package of another version is refused, whatever the environment', async () => {
  const { code, stdout, stderr } = await requireCopy(folder => {
    for (const name of PLATFORM_PACKAGES) addPackage(folder, name, '0.0.1-other')
  })
  expect([code, stdout]).toEqual([1, 'loaded\n'])
  expect(stderr).toMatch(`spillway ${version} has found an addon of version 0.0.1-other: install the package anew`)
  expect(stderr).toMatch("code: 'ERR_DLOPEN_FAILED'")
})

test('so is an addon beside native.js that was built from another version', async () => {
  const addons = fs.readdirSync(ROOT).filter(name => name.endsWith('.node'))
  expect(addons).not.toEqual([])
  const { code, stderr } = await requireCopy(folder => {
    for (const name of addons) fs.copyFileSync(path.join(ROOT, name), path.join(folder, name))
    const manifest = path.join(folder, 'package.json')
    fs.writeFileSync(manifest, JSON.stringify({ ...JSON.parse(fs.readFileSync(manifest)), version: '9.9.9' }))
  })
  expect(code).toBe(1)
  expect(stderr).toMatch(`spillway 9.9.9 has found an addon of version ${version}`)
})

test('so is what NAPI_RS_NATIVE_LIBRARY_PATH names, if it is no addon of this version', async () => {
  const { code, stderr } = await requireCopy(folder => {
    const other = path.join(folder, 'other.js')
    fs.writeFileSync(other, 'exports.version = 7')
    fs.writeFileSync(path.join(folder, 'native.js'), `process.env.NAPI_RS_NATIVE_LIBRARY_PATH = ${JSON.stringify(other)};${fs.readFileSync(path.join(ROOT, 'native.js'))}`)
  })
  expect(code).toBe(1)
  expect(stderr).toMatch(`spillway ${version} has found an addon of version unknown`)
})

// Names outside of a scope are anybody's to publish.
test('the loader asks for packages of one scope alone, and for none that has the name of the main one', async () => {
  expect(PLATFORM_PACKAGES.length).toBeGreaterThan(8)
  expect(PLATFORM_PACKAGES.filter(name => !name.startsWith('@spillway/native-'))).toEqual([])
  const { stdout, stderr } = await requireCopy(folder => {
    for (const name of PLATFORM_PACKAGES) addPackage(folder, name.replace('@spillway/native', 'spillway'), version)
  })
  expect(stdout).toBe('')
  expect(stderr).toMatch('spillway has no addon for')
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

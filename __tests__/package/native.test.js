'use strict'

// No addon, or one of another version: one clear error. And a failure of the addon's: one clear error.

const fs = require('node:fs')
const { isBuiltin } = require('node:module')
const os = require('node:os')
const path = require('node:path')
const { getSystemErrorMap } = require('node:util')
const { errnoOf, writeFailed } = require('../../lib/errors.js')
const { runScript } = require('../helpers/child.js')

const ROOT = path.join(__dirname, '..', '..')
const { version } = require('../../package.json')

/** What the generated loader asks for, but for Node's own. */
const PLATFORM_PACKAGES = [...fs.readFileSync(path.join(ROOT, 'native.js'), 'utf8').matchAll(/require\('(@?[\w-]+\/?[\w-]+)'\)/g)]
  .map(([, name]) => name)
  .filter(name => !isBuiltin(name))

const ADDONS = fs.readdirSync(ROOT).filter(name => name.endsWith('.node'))

/** Requires a copy of this package that was given no addon. `prepare(folder)` adds to it, `before` is run first. */
async function requireCopy (prepare, { before = '', args } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-'))
  try {
    for (const entry of ['index.js', 'package.json', 'native.js', 'lib']) {
      fs.cpSync(path.join(ROOT, entry), path.join(folder, entry), { recursive: true })
    }
    prepare?.(folder)
    return await runScript('stock', `${before};require(${JSON.stringify(folder)})`, { args })
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

function addAddon (folder) {
  for (const name of ADDONS) fs.copyFileSync(path.join(ROOT, name), path.join(folder, name))
}

/** A package in the project's `node_modules` that says when it is loaded. */
function addPackage (folder, name, addonVersion) {
  const home = path.join(folder, 'node_modules', name)
  fs.mkdirSync(home, { recursive: true })
  fs.writeFileSync(path.join(home, 'package.json'), JSON.stringify({ name, version: addonVersion }))
  fs.writeFileSync(path.join(home, 'index.js'), `console.log('loaded'); exports.version = () => '${addonVersion}'`)
}

const PERMISSION = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'
const nameAddon = file => `process.env.NAPI_RS_NATIVE_LIBRARY_PATH = ${JSON.stringify(file)}`
const onPlatform = (platform, arch) => `Object.defineProperties(process, { platform: { value: '${platform}' }, arch: { value: '${arch}' } })`

/** That the command builds it is shown in pack/install.test.js. */
const BUILD = /^With Rust installed .*, this command builds it: cd ".*" && npx --yes --package=@napi-rs\/cli@3 npm run build$/
const CORRECT = /^Correct NAPI_RS_NATIVE_LIBRARY_PATH, or unset it/

/** Why there may be no addon, and the two lines about it. */
const FAILURES = {
  'no addon': {
    reason: `spillway has no addon for ${process.platform}-${process.arch} (Node ${process.version})`,
    remedy: BUILD
  },
  'an addon that this system refuses': {
    prepare: folder => { for (const name of ADDONS) fs.writeFileSync(path.join(folder, name), 'broken') },
    reason: "spillway can't load its addon: ",
    remedy: BUILD
  },
  'a platform of which nobody has heard': {
    before: onPlatform('plan9', 'vax'),
    reason: `spillway has no addon for plan9-vax (Node ${process.version}): releases have none for this platform`,
    remedy: BUILD
  },
  'a platform for which others have addons': {
    before: onPlatform('freebsd', 'x64'),
    reason: `spillway has no addon for freebsd-x64 (Node ${process.version}): releases have none for this platform`,
    remedy: BUILD
  },
  'NAPI_RS_NATIVE_LIBRARY_PATH that names nothing': {
    before: nameAddon(path.join(os.tmpdir(), 'none.node')),
    reason: "spillway can't load the addon that NAPI_RS_NATIVE_LIBRARY_PATH names: Cannot find module",
    remedy: CORRECT
  },
  'NAPI_RS_NATIVE_LIBRARY_PATH that names another file': {
    before: nameAddon(__filename),
    reason: "spillway can't load the addon that NAPI_RS_NATIVE_LIBRARY_PATH names: ",
    remedy: CORRECT
  },
  '--permission without --allow-addons': {
    prepare: addAddon,
    args: [PERMISSION, '--allow-fs-read=*', '--no-warnings'],
    reason: "spillway can't load its addon: Cannot load native addon because loading addons is disabled",
    remedy: /^Start node with --allow-addons/
  },
  'Deno without a permission': {
    prepare: folder => fs.writeFileSync(path.join(folder, 'native.js'), 'throw new Error(\'Requires env access to "HOME", run again with the --allow-env flag\')'),
    reason: "spillway can't load its addon: Requires env access to",
    remedy: /^Start deno with --allow-env, --allow-read and --allow-ffi$/
  }
}

test.each(Object.entries(FAILURES))('%s: two lines say why and what to do, then comes who required it', async (name, { prepare, before, args, reason, remedy }) => {
  const { code, stderr } = await requireCopy(prepare, { before, args })
  expect(code).toBe(1)
  const lines = stderr.trimEnd().split('\n')
  const first = lines.findIndex(line => line.startsWith('Error: '))
  expect(lines[first]).toMatch(`Error: ${reason}`)
  expect(lines[first + 1]).toMatch(remedy)
  expect(lines[first + 2]).toMatch(/^ +at .*program\.js/)
  expect(lines.slice(first + 3)).toEqual(["  code: 'ERR_DLOPEN_FAILED'", '}', '', `Node.js ${process.version}`])
  // Before it Node shows the line that has thrown.
  expect(first).toBe(4)
})

test('what the loader tried is kept in the error', async () => {
  const { stdout } = await requireCopy(undefined, { before: "process.on('uncaughtException', ({ attempts }) => console.log(JSON.stringify(attempts)))" })
  expect(JSON.parse(stdout).length).toBeGreaterThan(1)
  expect(stdout).toMatch("Cannot find module '@spillway/native-")
})

test('the platforms for which an addon may be missing are those of the releases', () => {
  const { napi } = require('../../package.json')
  const names = { x86_64: 'x64', aarch64: 'arm64', windows: 'win32' }
  const platforms = napi.targets.map(target => target.split('-')).map(([arch, , system]) => `${names[system] ?? system}-${names[arch]}`)
  const [, listed] = /PLATFORMS = \[(.*)\]/.exec(fs.readFileSync(path.join(ROOT, 'lib', 'native.js'), 'utf8'))
  expect(listed.match(/[\w-]+/g)).toEqual([...new Set(platforms)])
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
  expect(ADDONS).not.toEqual([])
  const { code, stderr } = await requireCopy(folder => {
    addAddon(folder)
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

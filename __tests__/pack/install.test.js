'use strict'

// The packages as npm would publish them, installed into an empty project
// without a network and without install scripts, and used in every way.
//
//   npm run pack:test

const { execFile, execSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { promisify } = require('node:util')

const ROOT = path.join(__dirname, '..', '..')
const MODULES = path.join(ROOT, 'node_modules')
const { name: MAIN_PACKAGE, napi: { binaryName, packageName } } = require('../../package.json')

const isMusl = process.platform === 'linux' && process.report.getReport().header.glibcVersionRuntime === undefined
const MACHINES = { x64: 'x86_64', arm64: 'aarch64' }
const SYSTEMS = { linux: isMusl ? 'unknown-linux-musl' : 'unknown-linux-gnu', darwin: 'apple-darwin', win32: 'pc-windows-msvc' }
const ABIS = { linux: isMusl ? '-musl' : '-gnu', darwin: '', win32: '-msvc' }

/** This platform, as Rust and as npm's packages name it. */
const TARGET = `${MACHINES[process.arch]}-${SYSTEMS[process.platform]}`
const PLATFORM = `${process.platform}-${process.arch}${ABIS[process.platform]}`
const PLATFORM_PACKAGE = `${packageName}-${PLATFORM}`
const ADDON = `${binaryName}.${PLATFORM}.node`
/** As it is released, or else as it was built on this machine. */
const addon = [path.join(ROOT, 'artifacts', ADDON), path.join(ROOT, ADDON)].find(file => fs.existsSync(file))

const PROGRAM = `
  const out = createWriteStream(require('node:path').join(__dirname, 'written'))
  out.end('hello', () => console.log(out.bytesWritten))`

// tsc takes long where the machine is busy.
jest.setTimeout(120_000)

let folder, project, tarballs

beforeAll(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-pack-')))
  tarballs = pack()
  project = makeProject('project', [tarballs.main, tarballs.platform])
})

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

function npm (command, cwd) {
  return execSync(`npm ${command}`, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** As .github/workflows/release.yml does it, but for this platform alone: npm run pack:platforms, npm pack. */
function pack () {
  execSync(`tar xzf ${npm(`pack --silent --pack-destination ${folder}`, ROOT).trim()}`, { cwd: folder })
  const staged = path.join(folder, 'package')
  // What is released is made in a clone where nothing was built.
  fs.rmSync(path.join(staged, ADDON), { force: true })
  const manifest = path.join(staged, 'package.json')
  const content = JSON.parse(fs.readFileSync(manifest))
  content.napi.targets = [TARGET]
  fs.writeFileSync(manifest, JSON.stringify(content))
  fs.mkdirSync(path.join(staged, 'artifacts'))
  fs.copyFileSync(addon, path.join(staged, 'artifacts', ADDON))
  // Where npm run looks for what the scripts name.
  const env = { ...process.env, PATH: `${path.join(MODULES, '.bin')}${path.delimiter}${process.env.PATH}` }
  execSync('npm run pack:platforms', { cwd: staged, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [main, platform] = npm(`pack --silent --ignore-scripts --pack-destination ${folder} . ./npm/*`, staged).trim().split('\n')
  return { main: path.join(folder, main), platform: path.join(folder, platform) }
}

/** A project of its own with these packages, and with a program for each way to load them. */
function makeProject (name, packages) {
  const cwd = path.join(folder, name)
  fs.mkdirSync(cwd)
  fs.writeFileSync(path.join(cwd, 'package.json'), '{ "private": true }')
  npm(`install --ignore-scripts --offline ${packages.join(' ')}`, cwd)
  return cwd
}

/** Puts a package of ours into the project. */
function link (name) {
  const place = path.join(project, 'node_modules', name)
  if (!fs.existsSync(place)) fs.symlinkSync(path.join(MODULES, name), place, 'junction')
}

/** Writes `files` into the project and runs Node there. */
async function run (args, files = {}, { cwd = project, env = {} } = {}) {
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(path.join(cwd, name), content)
  // Ours is told to jest's own processes, and is not meant for those of the project.
  const { NODE_OPTIONS, ...rest } = process.env
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd, env: { ...rest, ...env } })
  return stdout + stderr
}

const REQUIRE = `const { createWriteStream } = require('spillway')\n${PROGRAM}`

test('npm puts in the main and the platform package, and nothing else', () => {
  const { packages } = JSON.parse(fs.readFileSync(path.join(project, 'package-lock.json')))
  expect(Object.keys(packages).sort()).toEqual(['', `node_modules/${MAIN_PACKAGE}`, `node_modules/${PLATFORM_PACKAGE}`].sort())
})

test('the platform package is named by the main one, in the same version', () => {
  const { optionalDependencies, version, scripts } = require(path.join(project, 'node_modules', MAIN_PACKAGE, 'package.json'))
  expect(optionalDependencies).toEqual({ [PLATFORM_PACKAGE]: version })
  expect(require(path.join(project, 'node_modules', PLATFORM_PACKAGE, 'package.json'))).toMatchObject({ version, publishConfig: { access: 'public' } })
  expect(Object.keys(scripts).filter(name => /install|^prepare/.test(name))).toEqual([])
})

test('the main package holds the sources, and no addon', () => {
  const files = fs.readdirSync(path.join(project, 'node_modules', MAIN_PACKAGE), { recursive: true })
  expect(files).toEqual(expect.arrayContaining(['Cargo.toml', 'Cargo.lock', 'build.rs', path.join('src', 'lib.rs')]))
  expect(files.filter(file => /\.node$|\.test\.js$|\.svg$/.test(file))).toEqual([])
})

test('require', async () => {
  expect(await run(['require.js'], { 'require.js': REQUIRE })).toBe('5\n')
})

test('import', async () => {
  const program = `
    import { createWriteStream, WriteStream } from 'spillway'
    const out = createWriteStream(new URL('written', import.meta.url))
    out.end('hello', () => console.log(out.bytesWritten, out instanceof WriteStream))`
  expect(await run(['import.mjs'], { 'import.mjs': program })).toBe('5 true\n')
})

test('in a worker', async () => {
  const program = `
    const { Worker } = require('node:worker_threads')
    new Worker(require.resolve('./work.js')).on('exit', code => console.log('exit', code))`
  expect(await run(['worker.js'], { 'worker.js': program, 'work.js': REQUIRE })).toBe('5\nexit 0\n')
})

test('spillway/monitor, with streams and without', async () => {
  expect(await run(['-r', 'spillway/monitor', 'none.js'], { 'none.js': 'console.log(1)' })).toBe('1\n')
  expect(await run(['-r', 'spillway/monitor', 'require.js'], { 'require.js': REQUIRE })).toMatch(/^5\npath .*\n.*written.* 5 B +5 B .*\nspillway: .*\n$/)
})

test('spillway/prometheus with the prom-client of the project', async () => {
  const alone = "console.log(typeof require('spillway/prometheus'))"
  expect(await run(['alone.js'], { 'alone.js': alone })).toBe('function\n')
  link('prom-client')
  const program = `
    const client = require('prom-client')
    const { createWriteStream } = require('spillway')
    require('spillway/prometheus')(client)
    const out = createWriteStream(__filename + '.written')
    out.end('hello')
    out.on('close', async () => console.log(await client.register.getSingleMetricAsString('spillway_written_bytes_total')))`
  expect(await run(['metrics.js'], { 'metrics.js': program })).toMatch(/^spillway_written_bytes_total 5$/m)
})

test('from two copies of the package in one process', async () => {
  const other = path.join(project, 'other', 'node_modules')
  fs.cpSync(path.join(project, 'node_modules'), other, { recursive: true })
  const program = `
    const all = [require('spillway'), require('./other/node_modules/spillway')]
    console.log(all[0] === all[1])
    for (const { createWriteStream } of all) {${PROGRAM}}`
  expect(await run(['two.js'], { 'two.js': program })).toBe('false\n5\n5\n')
})

test.each(['nodenext', 'bundler'])('TypeScript, strict, moduleResolution %s', async resolution => {
  for (const name of ['@types', 'undici-types', 'prom-client']) link(name)
  const compilerOptions = {
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    target: 'es2022',
    types: [],
    module: resolution === 'bundler' ? 'esnext' : 'nodenext',
    moduleResolution: resolution
  }
  const files = {
    'tsconfig.json': JSON.stringify({ compilerOptions, files: ['use.mts'] }),
    'use.mts': `
      import client from 'prom-client'
      import { createWriteStream, type WriteStream } from 'spillway'
      import { stop } from 'spillway/monitor'
      import collectMetrics from 'spillway/prometheus'
      stop()
      collectMetrics(client)()
      const out: WriteStream = createWriteStream('written', { lowWaterMark: 1 })
      const more: boolean = out.write('hello')
      // @ts-expect-error: types that say nothing would let this pass
      createWriteStream('written', { lowWaterMark: '1' })
      out.end(() => console.log(more, out.bytesWritten.toFixed()))`
  }
  expect(await run([path.join(MODULES, 'typescript', 'bin', 'tsc')], files)).toBe('')
})

const TEST = `
  const fs = require('node:fs')
  const { once } = require('node:events')
  const { createWriteStream } = require('spillway')
  test('writes', async () => {
    const out = createWriteStream(__filename + '.written')
    out.end('hello')
    await once(out, 'close')
    expect(fs.readFileSync(__filename + '.written', 'latin1')).toBe('hello')
  })`

test('in jest', async () => {
  const jest = path.join(MODULES, 'jest', 'bin', 'jest.js')
  expect(await run([jest, '--rootDir', project, 'by-jest'], { 'by-jest.test.js': TEST })).toMatch(/Tests:\s+1 passed, 1 total/)
})

test('in vitest', async () => {
  const vitest = path.join(MODULES, 'vitest', 'vitest.mjs')
  const program = TEST.replace(/const (.*) = require\((.*)\)/g, 'import $1 from $2').replaceAll('__filename', 'import.meta.filename')
  const args = [vitest, 'run', '--globals', '--root', project, 'by-vitest']
  expect(await run(args, { 'by-vitest.test.mjs': program }, { env: { NO_COLOR: '1' } })).toMatch(/Tests\s+1 passed/)
})

test('bundled by esbuild, the package external', async () => {
  const source = `import { createWriteStream } from 'spillway'\n${PROGRAM}`
  // By a process of its own: esbuild refuses the Uint8Array of jest's.
  const bundle = `require(${JSON.stringify(path.join(MODULES, 'esbuild'))}).buildSync({
    entryPoints: ['source.mjs'], outfile: 'bundle.js', bundle: true, platform: 'node', external: ['spillway']
  })`
  await run(['-e', bundle], { 'source.mjs': source })
  expect(await run(['bundle.js'])).toBe('5\n')
})

describe('without a platform package', () => {
  let bare

  beforeAll(() => { bare = makeProject('bare', [`--omit=optional ${tarballs.main}`]) })

  test('the addon that NAPI_RS_NATIVE_LIBRARY_PATH names is loaded', async () => {
    const env = { NAPI_RS_NATIVE_LIBRARY_PATH: addon }
    expect(await run(['require.js'], { 'require.js': REQUIRE }, { cwd: bare, env })).toBe('5\n')
  })

  // Needs Rust, a network and minutes.
  const testBuild = process.env.SPILLWAY_PACK_BUILD ? test : test.skip
  testBuild('the command that the error names builds the addon (with SPILLWAY_PACK_BUILD=1)', async () => {
    const error = await run(['require.js'], { 'require.js': REQUIRE }, { cwd: bare }).catch(({ stderr }) => stderr)
    const [, command] = /this command builds it: (.*)$/m.exec(error)
    execSync(command, { cwd: os.tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] })
    expect(await run(['require.js'], {}, { cwd: bare })).toBe('5\n')
  }, 540_000)
})

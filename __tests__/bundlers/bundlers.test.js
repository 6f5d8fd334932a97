'use strict'

// docs/guide/bundlers.md: its code is run as it stands there, in a project that has the packages as npm would publish them.
//
//   npm run test:pack

const { execFile, execSync, spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const net = require('node:net')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const { promisify } = require('node:util')
const { npm, pack } = require('../helpers/pack.js')

const PAGE = path.join(__dirname, '..', '..', 'docs', 'guide', 'bundlers.md')

// Bundlers take their time where the machine is busy.
const COMMANDS_TIMEOUT = 280_000
jest.setTimeout(300_000)

/**
 * What stands under each heading: files, named by a first line or by the line before, and commands.
 * @returns {Map<string, { files: { [name: string]: string }, commands: string }>}
 */
function readPage () {
  const [text] = fs.readFileSync(PAGE, 'utf8').split('\n## Bun and Deno\n')
  return new Map(text.split(/^#+ /m).slice(1).map(section => {
    const heading = section.slice(0, section.indexOf('\n'))
    const scripts = [...section.matchAll(/^```js\n\/\/ (.*)\n([^]*?)^```$/gm)]
    const others = [...section.matchAll(/^`(.*)`:\n\n```json\n([^]*?)^```$/gm)]
    const commands = [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, code]) => code)
    return [heading, { files: Object.fromEntries([...scripts, ...others].map(([, name, code]) => [name, code])), commands: commands.join('') }]
  }))
}

const SECTIONS = readPage()
const { files: PROGRAM } = SECTIONS.get('Bundlers and runtimes')

const { NODE_OPTIONS, NODE_ENV, JEST_WORKER_ID, ...inherited } = process.env
const env = { ...inherited, NO_COLOR: '1', NEXT_TELEMETRY_DISABLED: '1' }

let project

beforeAll(() => {
  const tarballs = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-bundlers-'))
  const { main, platform } = pack(tarballs)
  // In here, so that the bundlers are found as if the project had installed them.
  project = fs.mkdtempSync(path.join(__dirname, '.project-'))
  fs.writeFileSync(path.join(project, 'package.json'), '{ "private": true }')
  npm(`install --ignore-scripts --offline ${main} ${platform}`, project)
  // Where npx looks for them.
  fs.symlinkSync(path.join(__dirname, 'node_modules', '.bin'), path.join(project, 'node_modules', '.bin'))
  fs.rmSync(tarballs, { recursive: true })
})

afterAll(() => {
  if (project !== undefined) fs.rmSync(project, { recursive: true, force: true })
})

/** Runs what stands under a heading, in a folder of its own. */
async function run (heading) {
  const { files, commands } = SECTIONS.get(heading)
  const folder = fs.mkdtempSync(path.join(project, 'app-'))
  for (const [name, content] of Object.entries({ ...PROGRAM, ...files })) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), content)
  }
  // A tool that asks a question gets no answer, and says so.
  const { stdout } = await promisify(execFile)('sh', ['-ec', `exec < /dev/null\n${commands}`], { cwd: folder, env, timeout: COMMANDS_TIMEOUT })
  return { folder, stdout }
}

/** All files in `folder` that have this name. */
const find = (folder, name) => fs.readdirSync(folder, { recursive: true }).filter(file => path.basename(file).endsWith(name)).map(file => path.join(folder, file))

async function freePort () {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** What a server answers, as soon as it does. */
async function answerOf (url, server) {
  while (server.exitCode === null) {
    const response = await fetch(url).catch(() => null)
    if (response !== null) return response.text()
    await sleep(100)
  }
  throw new Error(`the server has ended with ${server.exitCode}`)
}

const BUNDLED = ['esbuild', 'esbuild, without node_modules', 'webpack', 'rollup', 'vite SSR']

test('all that is to be run is run', () => {
  const headings = [...SECTIONS].filter(([, { commands }]) => commands !== '').map(([heading]) => heading)
  expect(headings).toEqual([...BUNDLED, 'Next.js', 'A single executable (SEA)'])
  expect(Object.keys(PROGRAM)).toEqual(['app.mjs'])
})

describe.each(BUNDLED)('%s', heading => {
  test('makes a program that writes', async () => {
    const { folder, stdout } = await run(heading)
    expect(stdout).toMatch(/^5 bytes$/m)
    expect(fs.readFileSync(path.join(folder, 'written.txt'), 'utf8')).toBe('hello')
    // The package is in the bundle only where the page says so.
    const bundle = fs.readFileSync(find(path.join(folder, 'dist'), 'js')[0], 'utf8')
    expect(bundle.includes('ERR_DLOPEN_FAILED')).toBe(heading.includes('without'))
  })
})

test('the addon beside the bundle needs no node_modules', async () => {
  const { folder } = await run('esbuild, without node_modules')
  const away = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-bundlers-'))
  fs.cpSync(path.join(folder, 'dist'), away, { recursive: true })
  expect(execSync('node app.js', { cwd: away, env, encoding: 'utf8' })).toBe('5 bytes\n')
  fs.rmSync(away, { recursive: true })
})

test('Next.js takes the addon into its standalone folder, and its server writes', async () => {
  const { folder } = await run('Next.js')
  const standalone = path.join(folder, '.next', 'standalone')
  expect(find(standalone, '.node').filter(file => file.includes(`${path.sep}@spillway${path.sep}`))).toHaveLength(1)
  // Elsewhere than at its root: Next looks for that by the lock files above the project.
  const [script] = find(standalone, 'server.js').filter(file => path.basename(path.dirname(file)) === path.basename(folder))
  const port = await freePort()
  const server = spawn(process.execPath, [script], { env: { ...env, PORT: port, HOSTNAME: '127.0.0.1' }, stdio: 'ignore' })
  try {
    expect(await answerOf(`http://127.0.0.1:${port}/write`, server)).toBe('5 bytes')
  } finally {
    server.kill('SIGKILL')
  }
})

const testSea = process.platform === 'linux' ? test : test.skip
testSea('a single executable writes', async () => {
  const { folder, stdout } = await run('A single executable (SEA)')
  expect(stdout).toMatch(/^5 bytes$/m)
  expect(fs.readFileSync(path.join(folder, 'written.txt'), 'utf8')).toBe('hello')
})

'use strict'

// Runs jest by several versions of Node, and scripts/check-runtime.js by Deno and
// Bun, and says what each of them counted.
//
//   npm run test:matrix                  20, 22, 24, 26, deno and bun
//   npm run test:matrix -- 24 20.0.0     these
//   npm run test:matrix -- 24 -- exit    one of them, with arguments for jest
//
// The binaries are those of npm's packages node-<platform>-<arch>, deno and bun.
// They are kept in .cache; without that folder the newest are fetched again.

const { execSync, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const ROOT = path.join(__dirname, '..')
const CACHE = path.join(ROOT, '.cache', 'node')
const JEST = path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js')
const PLATFORM = process.platform === 'win32' ? 'win' : process.platform
const PACKAGE = `node-${PLATFORM}-${process.arch}`

/** Other runtimes: npm's package, and how it runs a script. */
const OTHERS = {
  deno: { title: 'Deno', args: ['run', '--allow-all'] },
  bun: { title: 'Bun', args: [] }
}

/** Fetches a package into a folder of its own, if need be. @returns {string} its `node_modules` */
function fetchPackage (name, version) {
  const prefix = path.join(CACHE, version)
  const modules = path.join(prefix, 'node_modules')
  if (!fs.existsSync(path.join(modules, name))) {
    fs.mkdirSync(prefix, { recursive: true })
    const isNode = name === PACKAGE
    execSync(`npm install --no-save --silent ${isNode ? '--ignore-scripts' : ''} --prefix "${prefix}" ${name}@${isNode ? version : 'latest'}`, { stdio: 'inherit' })
  }
  return modules
}

function versionOf (modules, name) {
  return JSON.parse(fs.readFileSync(path.join(modules, name, 'package.json'))).version
}

/** Runs the checks for runtimes that are not Node. */
function runOther (name) {
  const { title, args } = OTHERS[name]
  const modules = fetchPackage(name, name)
  console.log(`\n== ${title}`)
  const command = path.join(modules, '.bin', name)
  const { status, stdout } = spawnSync(command, [...args, path.join(__dirname, 'check-runtime.js')], {
    encoding: 'utf8',
    shell: process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 60_000
  })
  const passed = status === 0 ? Number(stdout) : 0
  return { runtime: `${title} ${versionOf(modules, name)}`, passed, failed: passed > 0 ? 0 : 1, skipped: 0, isGood: passed > 0 }
}

function runNode (version, args) {
  const modules = fetchPackage(PACKAGE, version)
  const runtime = `Node ${versionOf(modules, PACKAGE)}`
  console.log(`\n== ${runtime}`)
  return { runtime, ...runJest(path.join(modules, PACKAGE, 'bin'), args) }
}

/** Runs jest with the Node in `folder`, for the tests' child processes as well. */
function runJest (folder, args) {
  const node = path.join(folder, process.platform === 'win32' ? 'node.exe' : 'node')
  const output = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-matrix-')), 'results.json')
  const { status } = spawnSync(node, [JEST, '--json', `--outputFile=${output}`, ...args], {
    cwd: ROOT,
    env: { ...process.env, PATH: `${folder}${path.delimiter}${process.env.PATH}` },
    stdio: ['ignore', 'ignore', 'inherit']
  })
  const results = fs.existsSync(output) ? JSON.parse(fs.readFileSync(output)) : {}
  fs.rmSync(path.dirname(output), { recursive: true })
  const { numPassedTests: passed = 0, numFailedTests: failed = 0, numPendingTests: skipped = 0 } = results
  return { passed, failed, skipped, isGood: status === 0 && passed > 0 }
}

function main (args) {
  const end = args.includes('--') ? args.indexOf('--') : args.length
  const versions = end === 0 ? ['20', '22', '24', '26', ...Object.keys(OTHERS)] : args.slice(0, end)
  const rows = versions.map(version => version in OTHERS ? runOther(version) : runNode(version, args.slice(end + 1)))
  console.table(rows)
  process.exitCode = rows.every(({ isGood }) => isGood) ? 0 : 1
}

main(process.argv.slice(2))

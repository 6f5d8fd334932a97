'use strict'

// Runs jest by several versions of Node, and says what each of them counted.
//
//   npm run test:matrix                  20, 22, 24 and 26
//   npm run test:matrix -- 24 20.0.0     these
//   npm run test:matrix -- 24 -- exit    one of them, with arguments for jest
//
// The binaries are those of npm's packages node-<platform>-<arch>. They are kept
// in .cache; without that folder the newest are fetched again.

const { execSync, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const ROOT = path.join(__dirname, '..')
const CACHE = path.join(ROOT, '.cache', 'node')
const JEST = path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js')
const PLATFORM = process.platform === 'win32' ? 'win' : process.platform
const PACKAGE = `node-${PLATFORM}-${process.arch}`

/** @returns {string} the folder with the binary of Node `version`, which is fetched if need be */
function fetchNode (version) {
  const prefix = path.join(CACHE, version)
  const folder = path.join(prefix, 'node_modules', PACKAGE, 'bin')
  if (!fs.existsSync(folder)) {
    fs.mkdirSync(prefix, { recursive: true })
    execSync(`npm install --no-save --ignore-scripts --silent --prefix "${prefix}" ${PACKAGE}@${version}`, { stdio: 'inherit' })
  }
  return folder
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
  const versions = end === 0 ? ['20', '22', '24', '26'] : args.slice(0, end)
  const rows = versions.map(version => {
    const folder = fetchNode(version)
    const exact = require(path.join(folder, '..', 'package.json')).version
    console.log(`\n== Node ${exact}`)
    return { Node: exact, ...runJest(folder, args.slice(end + 1)) }
  })
  console.table(rows)
  process.exitCode = rows.every(({ isGood }) => isGood) ? 0 : 1
}

main(process.argv.slice(2))

'use strict'

// `npm run types` with the types of several versions of Node.
//
//   npm run types:matrix              20, 22, 24 and 26
//   npm run types:matrix -- 24        these
//
// The packages are kept in .cache; without that folder the newest are fetched again.

const { execSync, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const ROOT = path.join(__dirname, '..')
const CACHE = path.join(ROOT, '.cache', 'types')
const TSC = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
const CONFIGS = ['tsconfig.json', 'tsconfig.bundler.json']

/** Fetches @types/node into a folder of its own, if need be. @returns {string} its `@types` */
function fetchTypes (version) {
  const prefix = path.join(CACHE, version)
  const types = path.join(prefix, 'node_modules', '@types')
  if (!fs.existsSync(path.join(types, 'node'))) {
    fs.mkdirSync(prefix, { recursive: true })
    execSync(`npm install --no-save --silent --ignore-scripts --prefix "${prefix}" @types/node@${version}`, { stdio: 'inherit' })
  }
  return types
}

/** @returns {boolean} whether all uses compile, by these types of Node and no others */
function compiles (types, config) {
  const project = path.join(ROOT, '__tests__', 'types', config)
  const { status, stdout } = spawnSync(process.execPath, [TSC, '--project', project, '--typeRoots', types, '--listFiles'], { encoding: 'utf8' })
  const lines = stdout.split('\n')
  const [files, problems] = [lines.filter(line => path.isAbsolute(line)), lines.filter(line => !path.isAbsolute(line))]
  if (status !== 0) console.error(problems.join('\n').trim())
  const ofNode = files.filter(file => /[\\/]@types[\\/]node[\\/]/.test(file))
  return status === 0 && ofNode.length > 0 && ofNode.every(file => path.normalize(file).startsWith(types))
}

const args = process.argv.slice(2)
const rows = (args.length > 0 ? args : ['20', '22', '24', '26']).map(version => {
  const types = fetchTypes(version)
  const { version: exact } = JSON.parse(fs.readFileSync(path.join(types, 'node', 'package.json'), 'utf8'))
  return { '@types/node': exact, ...Object.fromEntries(CONFIGS.map(config => [config, compiles(types, config)])) }
})
console.table(rows)
process.exitCode = rows.every(row => CONFIGS.every(config => row[config])) ? 0 : 1

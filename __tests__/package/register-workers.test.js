'use strict'

// How far `spillway/register` reaches: which workers' streams are ours. What
// is not reached writes all the same, with Node's.

const { execFile } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { promisify } = require('node:util')
const { folderForEach } = require('../helpers/folder.js')

const ROOT = path.join(__dirname, '..', '..')
const REGISTER = path.join(ROOT, 'register.js')

const inFolder = folderForEach()

/** How the program is told to register: arguments for node, NODE_OPTIONS, a line in the program. */
const WAYS = {
  '-r': { args: ['-r', REGISTER] },
  '--import': { args: ['--import', REGISTER] },
  NODE_OPTIONS: { NODE_OPTIONS: `-r ${REGISTER}` },
  'a require in the program': { line: `require(${JSON.stringify(REGISTER)})` }
}

/** Workers, by the options they are given. `reached`: the ways to register that hold for them. */
const WORKERS = {
  'no options': { code: '{}', reached: ['-r', '--import', 'NODE_OPTIONS'] },
  'workerData and argv': { code: "{ workerData: 1, argv: ['a'], name: 'mine' }", reached: ['-r', '--import', 'NODE_OPTIONS'] },
  SHARE_ENV: { code: '{ env: SHARE_ENV }', reached: ['-r', '--import', 'NODE_OPTIONS'] },
  'an empty env': { code: '{ env: {} }', reached: ['-r', '--import'] },
  'execArgv: []': { code: '{ execArgv: [] }', reached: ['NODE_OPTIONS'] },
  'execArgv of other things': { code: "{ execArgv: ['--no-warnings'] }", reached: ['NODE_OPTIONS'] },
  'execArgv: process.execArgv': { code: '{ execArgv: process.execArgv }', reached: ['-r', '--import', 'NODE_OPTIONS'] },
  'execArgv that names it': { code: `{ execArgv: ['-r', ${JSON.stringify(REGISTER)}] }`, reached: Object.keys(WAYS) },
  'execArgv: [] and an env that names it': { code: `{ execArgv: [], env: { NODE_OPTIONS: '-r ${REGISTER}' } }`, reached: Object.keys(WAYS) },
  'execArgv: [] and an empty env': { code: '{ execArgv: [], env: {} }', reached: [] }
}

/** What a worker does: it tells whether its streams are ours, and writes. */
const WORKER = `
  const fs = require('node:fs')
  const { parentPort, workerData } = require('node:worker_threads')
  const out = fs.createWriteStream(process.env.FILE ?? FILE)
  let isOurs = true
  try { out.stats() } catch { isOurs = false }
  out.end('text')
  out.on('close', () => parentPort.postMessage(isOurs))`

// Not by eval: Node 20 runs what --import names behind such a script.
const FROM_FILE = "(require('node:fs').writeFileSync(workerFile, script), new Worker(workerFile, options))"

/** @returns {Promise<boolean>} whether the streams of a worker with the options `code` are ours */
async function ask ({ args = [], NODE_OPTIONS = '', line = '' }, code, start = FROM_FILE) {
  const file = inFolder('file')
  const script = WORKER.replace('process.env.FILE ?? FILE', JSON.stringify(file))
  const program = `${line}
    const { once } = require('node:events')
    const { SHARE_ENV, Worker } = require('node:worker_threads')
    const script = ${JSON.stringify(script)}
    const workerFile = ${JSON.stringify(inFolder('worker.js'))}
    const options = ${code};
    (async () => {
      const worker = ${start}
      const [isOurs] = await once(worker, 'message')
      console.log(isOurs)
    })()`
  const env = { ...process.env, NODE_OPTIONS }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...args, '-e', program], { cwd: ROOT, env })
  expect(stderr).toBe('')
  expect(fs.readFileSync(file, 'latin1')).toBe('text')
  return JSON.parse(stdout)
}

const cases = Object.keys(WAYS).flatMap(way => Object.keys(WORKERS).map(name => [way, name]))
const isReached = ([way, name]) => WORKERS[name].reached.includes(way)

test.each(cases.filter(isReached))('%s reaches a worker with %s', async (way, name) => {
  expect(await ask(WAYS[way], WORKERS[name].code)).toBe(true)
})

// Whose they are is not for this test to say: Node gives us no way to be there. They have to write.
test.each(cases.filter(each => !isReached(each)))('with %s a worker with %s writes', async (way, name) => {
  expect(typeof await ask(WAYS[way], WORKERS[name].code)).toBe('boolean')
})

describe.each(['-r', '--import', 'NODE_OPTIONS'])('%s reaches', way => {
  test('a worker of a worker', async () => {
    const nested = `new Worker(\`
      const { parentPort, Worker } = require('node:worker_threads')
      require('node:fs').writeFileSync(\${JSON.stringify(workerFile)}, \${JSON.stringify(script)})
      new Worker(\${JSON.stringify(workerFile)}).on('message', message => parentPort.postMessage(message))\`, { eval: true })`
    expect(await ask(WAYS[way], '{}', nested)).toBe(true)
  })

  test('a worker that is a module', async () => {
    const file = JSON.stringify(inFolder('worker.mjs'))
    const start = `(require('node:fs').writeFileSync(${file}, 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' + script), new Worker(${file}))`
    expect(await ask(WAYS[way], '{}', start)).toBe(true)
  })

  test('a process that is forked', async () => {
    const file = JSON.stringify(inFolder('child.js'))
    const fork = `(require('node:fs').writeFileSync(${file}, script.replace('parentPort.postMessage', 'process.send')), require('node:child_process').fork(${file}))`
    expect(await ask(WAYS[way], '{}', fork)).toBe(true)
  })
})

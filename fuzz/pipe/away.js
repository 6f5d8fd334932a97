'use strict'

// Plays a program in a worker, or in a process that ends in the middle of it.

const { execFile } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads')
const { jitter, later, soon } = require('./moments.js')
const { Player, play } = require('./play.js')

const ROOT = path.join(__dirname, '../..')
const TIMEOUT = 30_000

function apiOf (which) {
  return which === 'stock' ? fs : require(ROOT)
}

/** @returns {Promise<object>} a result */
function playInWorker (program, api, { jitter } = {}) {
  const which = api === fs ? 'stock' : 'ours'
  return new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData: { program, which, isJittery: jitter !== undefined } })
    worker.once('message', resolve).once('error', reject)
  })
}

async function playHere () {
  const { program, which, isJittery } = workerData
  const result = await play(program, apiOf(which), isJittery ? { delay: which === 'stock' ? later : soon, jitter } : {})
  parentPort.postMessage(JSON.parse(JSON.stringify(result)))
}

/** The last step of a program is the end of its process. @returns {Promise<object>} a result */
async function playInChild (program) {
  const { error, stdout, stderr } = await new Promise(resolve => {
    const options = { timeout: TIMEOUT, killSignal: 'SIGKILL', maxBuffer: 1 << 26 }
    execFile(process.execPath, [__filename, JSON.stringify(program)], options, (error, stdout, stderr) => resolve({ error, stdout, stderr }))
  })
  if (error !== null) return { logs: {}, problems: [`the child failed: ${error.signal ?? error.code} ${stderr}`] }
  return JSON.parse(stdout)
}

function playToExit (program) {
  const { steps } = program
  const last = { when: { for: 'nothing' }, from: 'turn', ...steps.at(-1), action: { do: 'exit' } }
  const player = new Player({ ...program, steps: [...steps.slice(0, -1), last] }, apiOf('ours'), { exit: () => process.exit(0) })
  process.prependOnceListener('exit', () => fs.writeSync(1, JSON.stringify(player.resultAtExit())))
  player.play()
}

if (!isMainThread && workerData?.program !== undefined) playHere()
else if (require.main === module) playToExit(JSON.parse(process.argv[2]))

module.exports = { playInWorker, playInChild }

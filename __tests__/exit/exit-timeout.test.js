'use strict'

// exitTimeout: how long the end of a thread waits for a stream that takes nothing.

const { execFileSync, spawn } = require('node:child_process')
const { once } = require('node:events')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')
const { stuckPipe } = require('../helpers/targets.js')

const SIZE = 1_000_000
const LOST = /SpillwayWarning: (\d+) bytes could not be written to (\S+) before the process ended/g

const inFolder = folderForEach()

/** FIFOs with a reader that does not read: `stuck(name, options)` writes SIZE bytes into one. */
const STUCK = `
  const { execFileSync } = require('node:child_process')
  const { once } = require('node:events')
  const readers = new Map()
  const stuck = async (name, options) => {
    const fifo = given.folder + '/' + name
    execFileSync('mkfifo', [fifo])
    readers.set(fifo, fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK))
    const out = createWriteStream(fifo, options)
    await once(out, 'ready')
    out.write(Buffer.alloc(${SIZE}))
    return out
  };`

/** How long, in milliseconds, the end takes with these options, and what it says. */
async function end (exitTimeout) {
  const name = `fifo-${exitTimeout}`
  const { code, stdout, stderr } = await runScript('spillway', `${STUCK}
    stuck(given.name, { exitTimeout: ${exitTimeout} }).then(out => {
      const start = performance.now()
      // Ours is called before other listeners.
      process.on('exit', () => {
        const time = performance.now() - start
        const read = fs.readSync(readers.get(out.path), Buffer.alloc(${SIZE}))
        console.log(JSON.stringify({ time, read }))
      })
      process.exit(0)
    })`, { values: { folder: inFolder(), name } })
  expect(code).toBe(0)
  const { time, read } = JSON.parse(stdout)
  const lost = [...stderr.matchAll(LOST)].map(([, bytes, path]) => [Number(bytes), path])
  expect(lost).toEqual([[SIZE - read, inFolder(name)]])
  return time
}

test('a stream that takes nothing is given up after it, and the warning names the path and the bytes', async () => {
  const [none, some, more] = [await end(0), await end(150), await end(1500)]
  expect(some / none).toBeGreaterThan(2)
  expect(more / some).toBeGreaterThan(2)
})

/** A reader in a shell of its own: told to begin through `go`, it reads from `fifo` some time later. */
function lateReader (fifo, go, seconds) {
  const script = `exec 3< "$0"; read -r line < "$1"; sleep ${seconds}; cat <&3 | wc -c`
  const shell = spawn('sh', ['-c', script, fifo, go], { stdio: ['ignore', 'pipe', 'inherit'] })
  const count = once(shell.stdout, 'data').then(([text]) => Number(text))
  return Promise.all([count, once(shell, 'close')]).then(([count]) => count)
}

test.each([
  ['the process', 'run()'],
  ['a worker', `
    const { Worker, isMainThread } = require('node:worker_threads')
    if (isMainThread) new Worker(__filename)
    else run()`]
])('a longer one is waited for longer, each for its own time: %s', async (name, start) => {
  execFileSync('mkfifo', [inFolder('long'), inFolder('go')])
  const count = lateReader(inFolder('long'), inFolder('go'), 0.5)
  const stuck = stuckPipe(inFolder(), 'short')
  const { code, stderr } = await runScript('spillway', `
    const { once } = require('node:events')
    const run = async () => {
      const outs = [['long', 60_000], ['short', 50]].map(([name, exitTimeout]) => createWriteStream(given.folder + '/' + name, { exitTimeout }))
      await Promise.all(outs.map(out => once(out, 'ready')))
      for (const out of outs) out.write(Buffer.alloc(${SIZE}))
      // The reader is told that the end has come.
      fs.writeFileSync(given.folder + '/go', '\\n')
      process.exit(0)
    }
    ${start}`, { values: { folder: inFolder() } })
  const short = (await stuck.read()).length
  stuck.close()
  expect(code).toBe(0)
  expect(await count).toBe(SIZE)
  expect(short).toBeLessThan(SIZE)
  expect([...stderr.matchAll(LOST)].map(([, bytes, path]) => [Number(bytes), path])).toEqual([[SIZE - short, inFolder('short')]])
})

test('worker.terminate() waits no longer than it, either', async () => {
  const { code, stdout } = await runScript('spillway', `${STUCK}
    const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads')
    const terminate = async exitTimeout => {
      const worker = new Worker(__filename, { workerData: exitTimeout })
      await once(worker, 'message')
      const start = performance.now()
      await worker.terminate()
      return performance.now() - start
    }
    if (isMainThread) terminate(0).then(async none => console.log(await terminate(1000) / none))
    else stuck('fifo-' + workerData, { exitTimeout: workerData }).then(() => parentPort.postMessage('written'))`, { values: { folder: inFolder() } })
  expect(code).toBe(0)
  expect(Number(stdout)).toBeGreaterThan(2)
})

test('an exitTimeout of 0 waits for no target that refuses, and writes to all others', async () => {
  const { code, content, stdout } = await runScript('spillway', `
    const { execFileSync } = require('node:child_process')
    execFileSync('mkfifo', [file + '.fifo'])
    fs.openSync(file + '.fifo', fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    process.on('warning', ({ name }) => fs.writeSync(1, name + '\\n'))
    const stuck = createWriteStream(file + '.fifo', { exitTimeout: 0 })
    stuck.write(Buffer.alloc(1_000_000))
    const out = createWriteStream(file, { exitTimeout: 0 })
    out.once('ready', () => {
      for (let at = 0; at < 100; at++) out.write(Buffer.alloc(100_000, 'x'))
      process.exit()
    })`)
  expect([code, stdout, content.length]).toEqual([0, 'SpillwayWarning\n', 10_000_000])
})

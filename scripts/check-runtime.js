'use strict'

// What must be right in runtimes that are not Node, where jest does not run:
// npm run test:matrix -- deno bun
//
// Prints the number of checks; an assertion that fails ends it.

const assert = require('node:assert')
const { execFileSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { Worker } = require('node:worker_threads')
const { createWriteStream } = require('..')

const isDeno = process.versions.deno !== undefined

/** How a script is run by this runtime. */
const PREFIX = isDeno ? ['run', '--allow-all'] : []

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-runtime-'))
const inFolder = name => path.join(folder, name)

/** Descriptors of files in `folder`, where the system tells. */
function openFiles () {
  if (process.platform !== 'linux') return 0
  const isOurs = fd => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder)
    } catch {
      return false
    }
  }
  return fs.readdirSync('/proc/self/fd').filter(isOurs).length
}

async function writesAllLines () {
  const out = createWriteStream(inFolder('lines'))
  const events = []
  for (const name of ['open', 'ready', 'finish', 'close', 'error']) out.on(name, () => events.push(name))
  const expected = []
  for (let line = 0; line < 50_000; line++) {
    expected.push(`line ${line}\n`)
    if (!out.write(expected[line])) await once(out, 'drain')
  }
  out.end(() => events.push('callback of end'))
  await once(out, 'close')
  assert.strictEqual(fs.readFileSync(inFolder('lines'), 'utf8'), expected.join(''))
  assert.deepStrictEqual(events.toSorted(), ['callback of end', 'close', 'finish', 'open', 'ready'])
  assert(out.stats().writeCalls < 1000, 'Rust writes them, many at once')
}

async function pipes () {
  const out = fs.createReadStream(inFolder('lines')).pipe(createWriteStream(inFolder('copy')))
  await once(out, 'close')
  assert(fs.readFileSync(inFolder('copy')).equals(fs.readFileSync(inFolder('lines'))))
}

async function takesDescriptors () {
  const out = createWriteStream('', { fd: fs.openSync(inFolder('fd'), 'w') })
  out.end('given')
  await once(out, 'close')
  assert.strictEqual(fs.readFileSync(inFolder('fd'), 'utf8'), 'given')
}

async function tellsErrors () {
  const [error] = await once(createWriteStream(inFolder('missing/file')), 'error')
  assert.strictEqual(error.code, 'ENOENT')
  if (!fs.existsSync('/dev/full')) return
  const [full] = await once(createWriteStream('/dev/full').end('x'), 'error')
  assert.strictEqual(full.code, 'ENOSPC')
}

async function isDestroyed () {
  const out = createWriteStream(inFolder('destroyed'))
  out.write(Buffer.alloc(100_000))
  out.destroy()
  await once(out, 'close')
}

async function flushes () {
  const out = createWriteStream(inFolder('flushed'))
  out.write('at once')
  out.flushSync()
  assert.strictEqual(fs.readFileSync(inFolder('flushed'), 'utf8'), 'at once')
  out.end()
  await once(out, 'close')
}

async function writesFromFiles () {
  const out = createWriteStream(inFolder('from'))
  out.write('header\n')
  await out.writeFrom(inFolder('lines'))
  out.end()
  await once(out, 'close')
  assert.strictEqual(fs.readFileSync(inFolder('from'), 'utf8'), `header\n${fs.readFileSync(inFolder('lines'), 'utf8')}`)
}

async function keepsItsBudget () {
  const out = createWriteStream(inFolder('budget'), { backpressure: 'block', budget: 2 ** 21 })
  for (let left = 1000; left > 0; left--) out.write('x'.repeat(10_000))
  out.end()
  await once(out, 'close')
  assert.strictEqual(fs.statSync(inFolder('budget')).size, 10_000_000)
  assert(out.stats().peakBufferedBytes <= 2 ** 21)
}

async function writesInWorkers () {
  const program = `require(${JSON.stringify(path.join(__dirname, '..'))}).createWriteStream(${JSON.stringify(inFolder('worker'))}).end('from a worker')`
  await once(new Worker(program, { eval: true }), 'exit')
  assert.strictEqual(fs.readFileSync(inFolder('worker'), 'utf8'), 'from a worker')
}

/** In Deno the streams of `fs` stay its own: docs/guide/bundlers.md. */
async function isRegistered () {
  const { unregister } = require('../register.js')
  const out = fs.createWriteStream(inFolder('registered'))
  unregister()
  out.end()
  await once(out, 'close')
  assert.strictEqual(typeof out.stats, isDeno ? 'undefined' : 'function')
}

async function losesNothingAtExit () {
  const file = inFolder('exit')
  execFileSync(process.execPath, [...PREFIX, __filename, file], { stdio: 'inherit' })
  assert.strictEqual(fs.statSync(file).size, 1_000_007)
}

function writeAndExit (file) {
  createWriteStream(file).on('open', function () {
    this.write('x'.repeat(1_000_000))
    this.write('at exit')
    process.exit(0)
  })
}

async function main () {
  const checks = [
    writesAllLines, pipes, takesDescriptors, tellsErrors, isDestroyed,
    flushes, writesFromFiles, keepsItsBudget, writesInWorkers, isRegistered, losesNothingAtExit
  ]
  try {
    for (const check of checks) {
      await check()
      assert.strictEqual(openFiles(), 0, `${check.name} leaves a descriptor`)
    }
    console.log(checks.length)
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

if (process.argv[2] === undefined) main()
else writeAndExit(process.argv[2])

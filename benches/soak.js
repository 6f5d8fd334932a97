'use strict'

// npm run soak [-- SECONDS]
//
// Streams of all kinds are opened, written, copied and piped into, ended,
// destroyed, aborted and failed, in rounds, under the load of a worker, of fs and of crypto. What
// ended well must have its bytes, also compressed, digested, synced, replaced at once, in several files, or in another from reopen() on;
// and after each round the process must have no more descriptors, threads and memory than after the first ones.
//
// 600 seconds unless told otherwise. Linux alone: it looks into /proc.
//
// MALLOC_ARENA_MAX=1, as npm run soak has it: else glibc's malloc keeps some MiB
// for each thread that comes first into an arena, 8 arenas a processor, for
// hundreds of rounds. That is as much as a leak would be.

const assert = require('node:assert')
const { execFileSync } = require('node:child_process')
const { createHash, pbkdf2, randomBytes, randomInt } = require('node:crypto')
const fs = require('node:fs')
const { Socket } = require('node:net')
const os = require('node:os')
const path = require('node:path')
const { pipeline } = require('node:stream')
const { promisify } = require('node:util')
const { setFlagsFromString } = require('node:v8')
const { runInNewContext } = require('node:vm')
const { Worker, isMainThread, parentPort } = require('node:worker_threads')
const zlib = require('node:zlib')
const { createWriteStream } = require('..')
const { decode } = require('../__tests__/helpers/decode.js')
const { inOrder } = require('../__tests__/helpers/log-files.js')

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')

const MIB = 1024 * 1024
const { O_RDONLY, O_NONBLOCK } = fs.constants

/** Streams of a round, all at once. */
const STREAMS = 60
/** Rounds after which the process has what it keeps: threads, slabs, compiled code. */
const WARM_UP = 20
/** Rounds of which the least memory counts: what V8 and malloc keep of it goes up and down by tens of MiB, and a leak raises the least, too. */
const WINDOW = 10
/** How long closed files may take to be compressed, in milliseconds. */
const PATIENCE = 30_000
/** Growth that is none: what the collector and malloc leave lying about, in bytes; threads of the pool that were not needed before, as when the machine stands still for a moment. */
const SLACK = { memory: 24 * MIB, threads: 8, descriptors: 0 }

const chance = part => randomInt(1000) < part * 1000
const oneOf = list => list[randomInt(list.length)]
const turn = () => new Promise(resolve => setImmediate(resolve))

/** Chunks of all sizes and kinds. */
function makeChunk () {
  const size = oneOf([0, 1, 100, 100, 5000, 16 * 1024, 100_000])
  return chance(0.5) ? Buffer.alloc(size, randomInt(256)) : oneOf(['x', 'é']).repeat(size)
}

/** Options of all kinds. What may be lost by them is not in the file. */
function makeOptions () {
  const policy = oneOf([undefined, undefined, 'strict', 'block', 'drop-newest'])
  return {
    highWaterMark: oneOf([16 * 1024, MIB]),
    lowWaterMark: oneOf([0, 8 * 1024]),
    backpressure: policy,
    budget: policy && 2 * MIB,
    blockTimeout: 5,
    retry: chance(0.3) ? { interval: 5, limit: 20 } : undefined
  }
}

/** What is done to the bytes of some streams, by kind: what goes together of compress, digest, durable, atomic, mkdir. */
const STAGES = {
  file: () => ({ ...makeForm(), atomic: chance(0.3) ? { durable: chance(0.2) } : undefined, mkdir: chance(0.3) }),
  append: makeForm,
  start: makeDurable,
  fd: makeDurable
}

function makeDurable () {
  return { durable: chance(0.2), digest: chance(0.3) ? ['sha256', 'crc32'] : undefined }
}

function makeForm () {
  const { durable, digest } = makeDurable()
  if (durable || chance(0.7)) return { durable, digest }
  return { digest, compress: oneOf(['gzip', { algorithm: 'gzip', threads: 2 }, 'zstd']) }
}

/** A file that is copied into others: its bytes. */
const SOURCE = randomBytes(700 * 1024)
const sourceIn = folder => path.join(folder, 'source')

/** Has a part of the source written in its place. @returns {Buffer} it */
function writeFromSource (out, name) {
  const [start, end] = [randomInt(1000), randomInt(1000, SOURCE.length)]
  // It fails if the stream does, or is left in mid-copy.
  out.writeFrom(sourceIn(path.dirname(name)), { start, end }).catch(() => {})
  return SOURCE.subarray(start, end + 1)
}

/** Where a stream may write: a new file, or a FIFO of its own. `finish` does what is left when it is closed. */
const KINDS = {
  file: (name, options) => ({ out: createWriteStream(name, options) }),
  append (name, options) {
    fs.writeFileSync(name, 'before')
    return { out: createWriteStream(name, { ...options, flags: 'a' }), before: Buffer.from('before') }
  },
  start (name, options) {
    fs.writeFileSync(name, 'before')
    return { out: createWriteStream(name, { ...options, flags: 'r+', start: 6 }), before: Buffer.from('before') }
  },
  /** In a folder of its own. Old files are compressed, removed or neither, also behind its end. */
  rotating (name, options) {
    const rotate = { size: oneOf([2000, 100_000, MIB]), compress: oneOf([undefined, 'gzip', 'zstd']), keep: chance(0.2) ? randomInt(5) : undefined, lines: chance(0.2) }
    const folder = `${name}-made`
    const out = createWriteStream(path.join(folder, 'app.log'), { ...options, rotate, mkdir: true })
    const read = () => Buffer.concat(inOrder(folder, 'app.log').map(file => readLog(path.join(folder, file))))
    return { out, read, keepsEnd: rotate.keep !== undefined, reopens: true, finish: () => until(() => isTidy(folder, rotate)) }
  },
  /** Somebody moves the file away now and then. */
  reopened (name, options) {
    const folder = `${name}-made`
    const out = createWriteStream(path.join(folder, 'app.log'), { ...options, flags: 'a', mkdir: true })
    let moved = 0
    const move = () => {
      if (fs.existsSync(path.join(folder, 'app.log'))) fs.renameSync(path.join(folder, 'app.log'), path.join(folder, `app.${moved++}.log`))
    }
    const read = () => Buffer.concat(inOrder(folder, 'app.log').map(file => fs.readFileSync(path.join(folder, file))))
    return { out, read, reopens: true, move }
  },
  fd: (name, options) => ({ out: createWriteStream(null, { ...options, fd: fs.openSync(name, 'w') }) }),
  full: (name, options) => ({ out: createWriteStream('/dev/full', options), isLost: true }),
  missing: (name, options) => ({ out: createWriteStream(path.join(name, 'missing'), options), isLost: true }),
  'FIFO with a reader' (name, options, fifo) {
    const reader = new Socket({ fd: fs.openSync(fifo, O_RDONLY | O_NONBLOCK), writable: false })
    const out = createWriteStream(fifo, options)
    // Before that it would find no writer, which is the end of a FIFO.
    out.once('open', () => reader.resume())
    return { out, isLost: true, finish: () => reader.destroy() }
  },
  'FIFO that nobody reads' (name, options, fifo) {
    const fd = fs.openSync(fifo, O_RDONLY | O_NONBLOCK)
    return { out: createWriteStream(fifo, options), isLost: true, mustDestroy: true, finish: () => fs.closeSync(fd) }
  },
  'FIFO whose reader comes late' (name, options, fifo) {
    // Later than the stream's end, it may be.
    const reader = turn().then(turn).then(() => fs.openSync(fifo, O_RDONLY | O_NONBLOCK))
    return { out: createWriteStream(fifo, options), isLost: true, mustDestroy: true, finish: async () => fs.closeSync(await reader) }
  }
}

/** Whether no file is left that is still to be compressed or removed. */
function isTidy (folder, { compress, keep = Infinity }) {
  if (!fs.existsSync(folder)) return true
  const closed = fs.readdirSync(folder).filter(name => name !== 'app.log')
  return closed.length <= keep && (compress === undefined || closed.every(name => /\.(gz|zst)$/.test(name)))
}

function readLog (name) {
  const bytes = fs.readFileSync(name)
  const format = { '.gz': 'gzip', '.zst': 'zstd' }[path.extname(name)]
  return format === undefined ? bytes : decode(format, bytes)
}

async function until (isTrue) {
  const end = performance.now() + PATIENCE
  while (!isTrue()) {
    assert.ok(performance.now() < end, 'closed files are neither compressed nor removed')
    await turn()
  }
}

/** One stream, from its opening to its 'close'. */
async function live (name, fifo) {
  const kind = oneOf(Object.keys(KINDS))
  const controller = new AbortController()
  const stages = chance(0.5) ? STAGES[kind]?.() : undefined
  const options = { ...makeOptions(), ...stages, signal: controller.signal }
  const file = stages?.mkdir ? path.join(`${name}-made`, 'here', 'file') : name
  const { out, before = Buffer.alloc(0), isLost, mustDestroy, finish, read, keepsEnd, reopens, move } = KINDS[kind](file, options, fifo)
  let isFinished = false
  const closed = new Promise(resolve => out.once('close', resolve))
  out.on('error', () => {}).on('finish', () => { isFinished = true })
  const accepted = [before]
  let dropped = false
  out.on('drop', () => { dropped = true })
  for (let count = randomInt(30); count > 0 && !out.destroyed; count--) {
    const chunk = makeChunk()
    dropped = false
    out.write(chunk, chance(0.2) ? () => {} : undefined)
    if (!dropped) accepted.push(Buffer.from(chunk))
    if (chance(0.02) && !out.destroyed) accepted.push(writeFromSource(out, name))
    if (chance(0.05)) tryToFlush(out)
    // It fails with the stream.
    if (chance(0.02)) oneOf([() => out.sync(), () => out.datasync()])().catch(() => {})
    if (reopens && chance(0.1) && !out.destroyed) {
      // What is moved is whole: all that was written by then is in it, and nothing that comes.
      if (move !== undefined && await isDown(out)) move()
      if (!out.destroyed) out.reopen()
    }
    if (chance(0.2)) await turn()
  }
  if (!mustDestroy && options.backpressure === undefined && !out.destroyed && chance(0.1)) {
    accepted.push(SOURCE)
    pipeline(fs.createReadStream(sourceIn(path.dirname(name))), out, () => {})
  } else {
    leave(out, controller, mustDestroy)
  }
  await closed
  await finish?.()
  const all = Buffer.concat(accepted)
  if (isFinished && read !== undefined) checkFiles(read(), all, kind, keepsEnd)
  else if (isFinished && !isLost) checkContent(file, all, { kind, before, ...stages })
  if (isFinished && options.digest !== undefined) checkDigests(out, Buffer.concat(accepted.slice(1)))
  if (!isFinished && options.atomic) assert.ok(!fs.existsSync(file), 'a file that is not whole took its place')
  for (const made of [name, `${name}-made`]) fs.rmSync(made, { recursive: true, force: true })
  return kind
}

/** It may refuse: not yet open, a full pipe, a full disk. */
function tryToFlush (out) {
  try {
    out.flushSync()
  } catch (error) {
    if (error.code === undefined) throw error
  }
}

function leave (out, controller, mustDestroy) {
  const way = mustDestroy || chance(0.3) ? oneOf(['destroy', 'error', 'abort']) : 'end'
  if (way === 'end') out.end()
  else if (way === 'abort') controller.abort()
  else out.destroy(way === 'error' ? new Error('on purpose') : undefined)
}

const digest = bytes => createHash('sha256').update(bytes).digest('hex')

function checkContent (name, expected, { kind, before, compress }) {
  const actual = readContent(name, before, compress?.algorithm ?? compress)
  assert.strictEqual(digest(actual), digest(expected), `${kind}: ${actual.length} bytes that are not the ${expected.length} that were accepted`)
}

/** Of old files that are removed the end is left. */
function checkFiles (actual, expected, kind, keepsEnd) {
  const rest = keepsEnd ? expected.subarray(Math.max(0, expected.length - actual.length)) : expected
  assert.strictEqual(digest(actual), digest(rest), `${kind}: ${actual.length} bytes that are not the ${expected.length} that were accepted`)
}

/** Whether all that was accepted is written. */
const isDown = out => out.sync().then(() => true, () => false)

/** What the file has: `before` was not compressed. */
function readContent (name, before, algorithm) {
  const bytes = fs.readFileSync(name)
  if (algorithm === undefined) return bytes
  const head = bytes.subarray(0, before.length)
  return Buffer.concat([head, decode(algorithm, bytes.subarray(before.length))])
}

function checkDigests (out, bytes) {
  assert.strictEqual(out.digest('sha256').toString('hex'), digest(bytes), 'a digest is not that of the bytes')
  // Node has it from 22.2 on.
  if (zlib.crc32 !== undefined) assert.strictEqual(out.digest('crc32').readUInt32BE(), zlib.crc32(bytes))
}

/** Keeps libuv's pool and a processor busy until `isOver()`. */
async function load (folder, isOver) {
  const file = path.join(folder, 'load')
  while (!isOver()) {
    await Promise.all([
      promisify(pbkdf2)('secret', 'salt', 2000, 64, 'sha512'),
      fs.promises.writeFile(file, Buffer.alloc(MIB)).then(() => fs.promises.readFile(file))
    ])
  }
}

const count = what => fs.readdirSync(`/proc/self/${what}`).length

/** The memory after each of the last rounds. */
const recent = []

/** What the process has. Waits for what is being given back. */
async function take () {
  for (let times = 0; times < 3; times++) {
    await turn()
    gc()
  }
  recent.push(process.memoryUsage.rss())
  if (recent.length > WINDOW) recent.shift()
  return { descriptors: count('fd'), threads: count('task'), memory: Math.min(...recent) }
}

/** A name in `folder` for each stream of a round. */
const namesOf = (folder, kind) => Array.from({ length: STREAMS }, (_, at) => path.join(folder, `${kind}-${at}`))

/** @returns {Promise<string[]>} the kinds of streams that there were */
function round (folder) {
  const fifos = namesOf(folder, 'fifo')
  return Promise.all(namesOf(folder, 'file').map((name, at) => live(name, fifos[at])))
}

/** A worker with streams of its own, which end with it in mid-write. */
async function worker (folder) {
  const worker = new Worker(__filename, { argv: [folder] })
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  await worker.terminate()
}

function inWorker (folder) {
  for (let at = 0; at < 3; at++) {
    const out = createWriteStream(path.join(folder, `worker-${at}`))
    for (let line = 0; line < 2000; line++) out.write(`line ${line}\n`)
  }
  parentPort.postMessage('written')
}

function compare (then, now, round) {
  const grown = Object.keys(then).filter(what => now[what] > then[what] + SLACK[what])
  if (grown.length === 0) return
  throw new Error(`round ${round} left something behind: ` + grown.map(what => `${what} ${then[what]} -> ${now[what]}`).join(', '))
}

async function main (seconds) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-soak-'))
  execFileSync('mkfifo', namesOf(folder, 'fifo'))
  fs.writeFileSync(sourceIn(folder), SOURCE)
  const end = performance.now() + seconds * 1000
  const kinds = new Set()
  let first
  let now
  let number = 0
  try {
    do {
      let isOver = false
      const busy = load(folder, () => isOver)
      const [seen] = await Promise.all([round(folder), worker(folder)])
      for (const kind of seen) kinds.add(kind)
      isOver = true
      await busy
      assert.deepStrictEqual(fs.readdirSync(folder).filter(name => name.endsWith('.spillway')), [], 'temporary files are left')
      now = await take()
      if (++number === WARM_UP) first = now
      if (number > WARM_UP) compare(first, now, number)
    } while (performance.now() < end || number <= WARM_UP)
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
  assert.deepStrictEqual([...kinds].sort(), Object.keys(KINDS).sort(), 'kinds that no round had')
  const mib = ({ memory }) => (memory / MIB).toFixed(0)
  console.log(`${number} rounds of ${STREAMS} streams: ${now.descriptors} descriptors, ${now.threads} threads, ` +
    `${mib(first)} MiB after ${WARM_UP} rounds, ${mib(now)} now`)
}

if (isMainThread) main(Number(process.argv[2] ?? 600))
else inWorker(process.argv[2])

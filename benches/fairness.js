'use strict'

// node benches/fairness.js [--copies N] [--compress N] [--lines N] [--rounds N] [--dir DIR]
//
//   --copies N     files that are piped meanwhile (8)
//   --compress N   files that are compressed meanwhile (64)
//   --lines N      log lines of each round (300)
//   --rounds N     (5)
//   --dir DIR      where the files go (tmpfs, if there is one)
//
// How long a log line waits for its callback: alone, while so many files are piped at once, and while so many are
// compressed, by ours and by stock, in alternation. Wants a calm machine.

const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const { pipeline } = require('node:stream/promises')
const { parseArgs } = require('node:util')
const spillway = require('..')
const { PEERS } = require('./peers.js')
const { logLines } = require('./producers.js')

const MIB = 1024 * 1024

/** Of each file that is copied, again and again. */
const SIZE = 64 * MIB

/** Of about 64 KiB, in each file that is compressed. */
const CHUNKS = 32

/** Between two lines, in milliseconds: the stream rests meanwhile. */
const PAUSE = 3

const LINE = `${'a line of a log '.repeat(6)}\n`

const { values } = parseArgs({
  options: {
    copies: { type: 'string', default: '8' },
    compress: { type: 'string', default: '64' },
    lines: { type: 'string', default: '300' },
    rounds: { type: 'string', default: '5' },
    dir: { type: 'string', default: fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir() }
  }
})
const [copies, compressed, lines, rounds] = [values.copies, values.compress, values.lines, values.rounds].map(Number)
const folder = fs.mkdtempSync(path.join(values.dir, 'spillway-fairness-'))
const source = path.join(folder, 'source')

/** @returns {Promise<number>} of the bytes */
async function copy (at, { createWriteStream }) {
  const reader = fs.createReadStream(source)
  await pipeline(reader, createWriteStream(path.join(folder, `copy-${at}`)))
  return reader.bytesRead
}

const openCompressed = {
  spillway: file => PEERS.spillway.load()(file, undefined, { compress: 'gzip' }),
  stock: PEERS['zlib-gzip'].load()
}
const chunk = Buffer.from(logLines(400).join(''))

/** @returns {Promise<number>} of the bytes */
async function compress (at, api) {
  const out = openCompressed[api === fs ? 'stock' : 'spillway'](path.join(folder, `compressed-${at}`))
  const closed = once(out, 'close')
  for (let chunks = 0; chunks < CHUNKS; chunks++) {
    if (!out.write(chunk)) await once(out, 'drain')
  }
  out.end()
  await closed
  return CHUNKS * chunk.length
}

/** Has so many files written at once, again and again. @returns {() => Promise<number>} stops it; of the MiB a second */
function keepBusy (count, work, api) {
  const state = { isOver: false, bytes: 0 }
  const start = performance.now()
  const goOn = async at => {
    while (!state.isOver) {
      const bytes = await work(at, api)
      state.bytes += bytes
    }
  }
  const all = Promise.all(Array.from({ length: count }, (_, at) => goOn(at)))
  return async () => {
    state.isOver = true
    await all
    return state.bytes / MIB / (performance.now() - start) * 1000
  }
}

/** How long each line waits, in milliseconds. */
async function log ({ createWriteStream }) {
  const out = createWriteStream(path.join(folder, 'log'))
  const times = []
  for (let at = 0; at < lines; at++) {
    const start = performance.now()
    await new Promise((resolve, reject) => out.write(LINE, error => error ? reject(error) : resolve()))
    times.push(performance.now() - start)
    await sleep(PAUSE)
  }
  await new Promise(resolve => out.end(resolve))
  return times
}

const CASES = {
  'alone, spillway': [spillway, 0, copy],
  'alone, stock': [fs, 0, copy],
  [`${copies} copies, spillway`]: [spillway, copies, copy],
  [`${copies} copies, stock`]: [fs, copies, copy],
  [`${compressed} compressed, spillway`]: [spillway, compressed, compress],
  [`${compressed} compressed, stock`]: [fs, compressed, compress]
}

const at = (times, part) => times[Math.min(times.length - 1, Math.floor(times.length * part))]

async function main () {
  fs.writeFileSync(source, Buffer.alloc(SIZE, 'x'))
  const results = new Map(Object.keys(CASES).map(name => [name, { times: [], speeds: [] }]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, [api, count, work]] of Object.entries(CASES)) {
      const stop = keepBusy(count, work, api)
      // Until all of them are under way.
      await sleep(100)
      results.get(name).times.push(...await log(api))
      results.get(name).speeds.push(await stop())
    }
  }
  console.log(`Node ${process.version}, ${folder}, ${os.availableParallelism()} processors, ${rounds * lines} lines each: milliseconds until the callback`)
  for (const [name, { times, speeds }] of results) {
    times.sort((one, other) => one - other)
    const speed = Math.round(speeds.reduce((sum, value) => sum + value) / rounds)
    console.log(`  ${name.padEnd(24)} p50 ${at(times, 0.5).toFixed(2)}, p90 ${at(times, 0.9).toFixed(2)}, p99 ${at(times, 0.99).toFixed(2)}, ${speed} MiB/s beside`)
  }
}

main().finally(() => fs.rmSync(folder, { recursive: true, force: true }))

'use strict'

// The demo: copies a file with pipe(), shows how the buffer fills and empties
// meanwhile, and proves the copy.
//
//   node examples/copy.js [source] [destination]

const crypto = require('node:crypto')
const fs = require('node:fs')
const { finished, pipeline } = require('node:stream/promises')
const { Presets, SingleBar } = require('cli-progress')
const { createWriteStream } = require('..') // for you: require('spillway')
const { run, peakMemory } = require('./support/run.js')

/** As big as a chunk of the reader, so that each makes the reader wait. spillway's default is 1 MiB, with which the writer keeps up. */
const MARK = 64 * 1024
const BAR_INTERVAL = 50
const LINE_INTERVAL = 5
/** Columns of all but the bar. */
const TEXT_WIDTH = 72

/** Copies `source` to `destination`; shows the progress on the terminal, or in lines where there is none. */
async function copy (source, destination) {
  const stat = await fs.promises.stat(source)
  if (!stat.isFile()) throw new Error(`not a file: ${source}`)
  const file = await fs.promises.open(source)
  const reader = file.createReadStream()
  const out = createWriteStream(destination, { highWaterMark: MARK })
  const counts = count(out)

  const start = performance.now()
  const look = () => ({
    bytes: out.bytesWritten,
    total: stat.size,
    speed: out.bytesWritten / 1000 / (performance.now() - start),
    buffered: out.writableLength,
    mark: out.writableHighWaterMark,
    ...counts
  })
  const display = process.stdout.isTTY ? new Bar(look()) : new Lines()
  // Not for each chunk: who looks must not slow what is looked at.
  const timer = setInterval(() => display.update(look()), display.interval)
  try {
    reader.on('error', error => out.destroy(error))
    out.on('error', () => reader.destroy())
    reader.pipe(out)
    await finished(out)
  } finally {
    clearInterval(timer)
    display.stop(look())
  }
}

/** Counts how often write() says false, and how often 'drain' comes. To be seen here, chunks come through JavaScript. */
function count (out) {
  const counts = { falses: 0, drains: 0 }
  const { write } = out
  out.write = (...args) => {
    const goOn = write.apply(out, args)
    if (!goOn) counts.falses++
    return goOn
  }
  out.on('drain', () => counts.drains++)
  return counts
}

function describe ({ bytes, speed, buffered, mark, falses, drains }) {
  const kibibytes = bytes => Math.round(bytes / 1024)
  return `${(bytes / 1e6).toFixed(1).padStart(6)} MB  ${speed.toFixed(0).padStart(4)} MB/s  ` +
    `buffered ${String(kibibytes(buffered)).padStart(4)}/${kibibytes(mark)} KiB  false ${falses}  drain ${drains}`
}

/** A bar that moves. */
class Bar {
  interval = BAR_INTERVAL

  constructor (state) {
    const room = (process.stdout.columns || 80) - TEXT_WIDTH
    this.bar = new SingleBar({
      stream: process.stdout,
      format: '{bar} {percentage} % {text}',
      barsize: Math.min(Math.max(room, 8), 40),
      fps: 1000 / BAR_INTERVAL,
      hideCursor: true
    }, Presets.shades_classic)
    this.bar.start(state.total, 0, { text: describe(state) })
    // Whatever ends the process, the terminal gets its cursor back.
    process.on('exit', () => this.bar.stop())
  }

  update (state) {
    this.bar.update(state.bytes, { text: describe(state) })
  }

  stop (state) {
    this.update(state)
    this.bar.stop()
  }
}

/** A line per quarter, for a log. */
class Lines {
  interval = LINE_INTERVAL
  quarter = 0

  update (state) {
    const quarter = state.total === 0 ? 4 : Math.floor(4 * state.bytes / state.total)
    if (quarter === this.quarter) return
    this.quarter = quarter
    console.log(`${String(quarter * 25).padStart(3)} % ${describe(state)}`)
  }

  stop (state) {
    this.update(state)
  }
}

async function sha256 (path) {
  const hash = crypto.createHash('sha256')
  await pipeline(fs.createReadStream(path), hash)
  return hash.digest('hex')
}

module.exports = copy

if (require.main === module) {
  run(async (source, destination) => {
    console.log(`${source} -> ${destination}`)
    await copy(source, destination)
    console.log(`peak memory ${peakMemory()} MiB`)
    const hashes = [await sha256(source), await sha256(destination)]
    const isEqual = hashes[0] === hashes[1]
    console.log(`sha256 ${hashes[0]} of the source\nsha256 ${hashes[1]} of the copy`)
    console.log(isEqual ? 'The copy is equal.' : 'THE COPY IS DIFFERENT.')
    if (!isEqual) process.exitCode = 1
  })
}

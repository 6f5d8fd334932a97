'use strict'

// For `node -r`: watches the streams that are made with the package and
// writes what it saw to descriptor 3 as JSON when the process exits.

const fs = require('node:fs')
const v8 = require('node:v8')
const vm = require('node:vm')
const spillway = require('../..')

const { createWriteStream } = spillway
const streams = []

// How long garbage waits is V8's affair: what a program holds is to be seen, in its peak of memory, too.
v8.setFlagsFromString('--expose-gc')
const gc = vm.runInNewContext('gc')
const GARBAGE = 4 * 1024 * 1024
let garbage = 0

spillway.createWriteStream = (...args) => {
  const out = createWriteStream(...args)
  const seen = {
    isStock: Object.getPrototypeOf(out) === fs.WriteStream.prototype,
    mark: out.writableHighWaterMark,
    highestLevel: 0,
    biggestChunk: 0,
    chunks: 0,
    falses: 0,
    drains: 0
  }
  streams.push({ out, seen })
  const { write } = out
  out.write = (chunk, ...rest) => {
    const goOn = write.call(out, chunk, ...rest)
    seen.chunks++
    seen.biggestChunk = Math.max(seen.biggestChunk, Buffer.byteLength(chunk))
    seen.highestLevel = Math.max(seen.highestLevel, out.writableLength)
    if (!goOn) seen.falses++
    garbage += Buffer.byteLength(chunk)
    if (garbage > GARBAGE) {
      garbage = 0
      gc()
    }
    return goOn
  }
  out.on('drain', () => seen.drains++)
  return out
}

process.on('exit', () => {
  const seen = streams.map(({ out, seen }) => ({ ...seen, bytesWritten: out.bytesWritten, levelAtExit: out.writableLength }))
  fs.writeSync(3, JSON.stringify({ streams: seen, peakMemory: peakMemory() }))
})

/** The most memory the process had, in bytes. */
function peakMemory () {
  try {
    // Not maxRSS: on Linux that starts with the memory of the parent, here jest.
    return 1024 * /VmHWM:\s*(\d+) kB/.exec(fs.readFileSync('/proc/self/status', 'latin1'))[1]
  } catch {
    return 1024 * process.resourceUsage().maxRSS
  }
}

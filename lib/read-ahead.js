'use strict'

// A file reader whose chunks are looked at while they are piped, for a progress bar say:
// several are read at once, and given one by one, as they are asked for.

const { nextTick } = require('node:process')
const io = require('./reader-state.js')

/** Bytes that are read at once. */
const AHEAD = 512 * 1024

class ReadAhead {
  /** @param {import('node:fs').ReadStream} reader */
  constructor (reader) {
    this.reader = reader
    /** What was read and is not yet given. */
    this.chunks = []
    this.isReading = false
  }

  get isEmpty () {
    return this.chunks.length === 0
  }

  /** Whether nothing is read, and all that was is given: the descriptor stands where the reader is. */
  get isIdle () {
    return this.isEmpty && !this.isReading
  }

  /** Reads the chunks of `size` bytes that come next, and gives the first. */
  read (size) {
    const { reader } = this
    const most = Math.min(Math.max(AHEAD, size), io.bytesLeft(reader))
    // Each has memory of its own, as those of Node.
    const buffers = []
    for (let left = most; left > 0; left -= size) buffers.push(Buffer.allocUnsafeSlow(Math.min(size, left)))
    if (buffers.length < 2) return io._read.call(reader, size)
    this.isReading = true
    io.readInto(reader, buffers, io.positionOf(reader), bytesRead => {
      this.isReading = false
      if (bytesRead === 0) return io._read.call(reader, size)
      this.chunks = cut(buffers, bytesRead)
      this.giveNow()
    })
  }

  /** Gives the next, in a tick of its own. */
  give () {
    nextTick(() => { if (!this.reader.destroyed) this.giveNow() })
  }

  giveNow () {
    const chunk = this.chunks.shift()
    io.advance(this.reader, chunk.length)
    this.reader.push(chunk)
  }
}

/** The first `size` bytes of `buffers`. */
function cut (buffers, size) {
  const chunks = []
  for (const buffer of buffers) {
    if (size === 0) break
    const count = Math.min(size, buffer.length)
    // None holds more memory than it shows.
    chunks.push(count === buffer.length ? buffer : Buffer.from(buffer.subarray(0, count)))
    size -= count
  }
  return chunks
}

module.exports = ReadAhead

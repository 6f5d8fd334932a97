'use strict'

// The bytes of one stream in Rust's memory: small chunks are copied into slabs,
// big ones are pinned, which means that Rust writes them from where they are.
// Not so in a worker, whose memory Node frees before anybody hears of its end:
// there Rust has copies of the big ones, too.

const { Buffer } = require('node:buffer')
const { isMainThread } = require('node:worker_threads')
const slabs = require('./slab-pool.js')

/** A chunk of this many bytes is not put into a slab: docs/design.md, "Sizes". */
const BIG = 16 * 1024

/** The same of one that comes alone, where there is no free slab. */
const BIG_IF_ALONE = 512

const NOTHING = Buffer.alloc(0)

/** The list of a stream that copies nothing: thousands of streams share it. */
const NONE = Object.freeze([])

class WriteBuffer {
  /** @param {import('./control-block.js').ControlBlock} control */
  constructor (control) {
    this.control = control
    this.sink = control.sink
    /** Bytes that were put in. */
    this.accepted = 0
    // The live slab. No slab is the same as a full one.
    this.slab = null
    this.bytes = NOTHING
    this.size = 0
    this.filled = 0
    /** Bytes of chunks that may be one entry of Rust's queue: between entries Rust may go on in another file. */
    this.quantum = Infinity
    /** Slabs that were filled before, as { slab, end }: free when the bytes up to `end` are taken. */
    this.sealed = []
    /** Pinned chunks that Rust may still read. */
    this.pins = 0
    /** What has no bytes in memory, as tokens with the offset behind each, but for the first `placedBefore`. */
    this.placed = NONE
    this.placedBefore = 0
    /** Who keeps the gate while it is closed, and is to know of the memory that is held behind it. */
    this.gate = null
  }

  /** Puts a string behind what is there. @returns {number} its bytes */
  appendString (string, encoding) {
    // No encoding makes more than three bytes of a UTF-16 unit.
    if (string.length * 3 > this.size - this.filled) return this.appendLongString(string, encoding)
    return this.publish(encoding === 'utf8'
      ? this.bytes.utf8Write(string, this.filled)
      : this.bytes.write(string, this.filled, encoding))
  }

  appendLongString (string, encoding) {
    const size = Buffer.byteLength(string, encoding)
    if (size < BIG && (size <= this.size - this.filled || this.nextSlab(size))) {
      return this.publish(this.bytes.write(string, this.filled, encoding))
    }
    // As many as the encoding makes of it: of odd hexadecimal digits that is less.
    const bytes = Buffer.from(string, encoding)
    return this.appendWhole(bytes, bytes.length)
  }

  /** Puts a Uint8Array of `size` bytes behind what is there. @returns {number} `size` */
  appendBytes (chunk, size) {
    if (size >= BIG) return this.appendWhole(chunk, size)
    if (size > this.size - this.filled) {
      if (size >= BIG_IF_ALONE && this.isAlone(size)) return this.appendWhole(chunk, size)
      if (!this.nextSlab(size)) return this.appendWhole(chunk, size)
    }
    // Memory that was transferred away can't be copied from.
    if (size > 0) this.bytes.set(chunk, this.filled)
    return this.publish(size)
  }

  /** Whether there is nothing else to be written, and no slab at hand: a new one for a single chunk of `size` bytes would cost more. */
  isAlone (size) {
    return this.slab === null && this.accepted === this.control.settled && !slabs.areFree(size)
  }

  /** Puts a chunk of `size` bytes between what the slab has and what it will have. @returns {number} `size` */
  appendWhole (chunk, size) {
    if (isMainThread) this.pin(chunk)
    else this.sink.append(chunk)
    this.publish(0)
    this.gate?.hold(size, this.accepted)
    this.accepted += size
    return size
  }

  /**
   * Puts what has no bytes in memory behind what is there: one byte in the offsets.
   * @param {import('./node-state.js').PlacedToken} token
   * @returns {number} 0
   */
  appendPlaced (token) {
    token.appendTo(this.sink)
    token.isQueued = true
    this.publish(0)
    token.end = ++this.accepted
    this.placed = [...this.placed, token]
    return 0
  }

  get hasPlaced () {
    return this.placedBefore + this.placed.length > 0
  }

  /** How many of the bytes up to `offset` came from memory. */
  memoryAt (offset) {
    let placed = this.placedBefore
    for (const { end } of this.placed) if (end <= offset) placed++
    return offset - placed
  }

  /** Nobody asks any more for what lies before `offset`. */
  forgetPlaced (offset) {
    if (!(this.placed[0]?.end <= offset)) return
    const left = this.placed.filter(({ end }) => end > offset)
    this.placedBefore += this.placed.length - left.length
    this.placed = left
  }

  /**
   * What lies behind `offset`: bytes of memory, and sources, of which nobody knows how many bytes they have.
   * @returns {{ bytes: number, sources: number }}
   */
  behind (offset) {
    const sources = new Set(this.placed.filter(({ end, source }) => source !== undefined && end > offset).map(({ source }) => source))
    return { bytes: this.memoryAt(this.accepted) - this.memoryAt(offset), sources: sources.size }
  }

  /** Bytes that were copied from other descriptors. */
  get copied () {
    return this.hasPlaced ? this.sink.copied() : 0
  }

  /** How many bytes the file has got when all up to `offset` is written. */
  writtenAt (offset) {
    return this.memoryAt(offset) + this.copied
  }

  pin (chunk) {
    this.sink.pin(chunk)
    // A loop that never yields must not hold what is written long since.
    if ((++this.pins & 15) === 0) this.unpin()
  }

  /** From here on the next `size` bytes of the slab are Rust's. */
  publish (size) {
    this.filled += size
    this.accepted += size
    if (this.control.publish(this.filled)) this.sink.schedule()
    return size
  }

  /** Goes on in a slab with room for `size` bytes. @returns {boolean} false: the system has no memory, and nothing has changed */
  nextSlab (size) {
    if (this.slab !== null && this.filled + size <= this.bytes.length) return this.nextEntry(size)
    const isFirst = this.slab === null
    if (!isFirst) this.sealed.push({ slab: this.slab, end: this.accepted })
    this.recycle()
    const next = slabs.take(size, isFirst)
    if (next === null) {
      this.sealed.pop()
      return false
    }
    this.slab = next
    this.bytes = next.bytes
    this.size = Math.min(next.bytes.length, Math.max(size, this.quantum))
    this.filled = 0
    // Seals the last slab where JavaScript has filled it to, and starts the new one at 0.
    this.sink.attach(this.slab.native)
    this.gate?.hold(next.bytes.length, this.accepted)
    return true
  }

  /** Goes on in the same slab, behind an entry of Rust's queue. */
  nextEntry (size) {
    this.sink.seal()
    this.size = Math.min(this.bytes.length, this.filled + Math.max(size, this.quantum))
    return true
  }

  /** Gives back slabs whose bytes are taken, even if that was in this run. */
  recycle () {
    const taken = this.control.readTaken(this.accepted)
    while (this.sealed.length > 0 && this.sealed[0].end <= taken) slabs.giveBack(this.sealed.shift().slab)
  }

  readSettled () {
    return this.control.readSettled(this.accepted)
  }

  /** Lets go of pinned chunks that are written. */
  unpin () {
    if (this.pins > 0) this.pins = this.sink.unpin()
  }

  /** Lets go of all memory. Only when nothing is left to be written, or was cancelled. */
  release () {
    this.unpin()
    if (this.slab === null) return
    // One by one: there may be more than a call takes arguments.
    for (const { slab } of this.sealed) slabs.giveBack(slab)
    slabs.giveBack(this.slab)
    this.sealed = []
    this.sink.detach()
    this.slab = null
    this.bytes = NOTHING
    this.size = 0
    this.filled = 0
    slabs.trim()
  }
}

module.exports = { WriteBuffer }

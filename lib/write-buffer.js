'use strict'

// The bytes of one stream in Rust's memory: small chunks are copied into slabs,
// big ones are pinned, which means that Rust writes them from where they are.

const { types: { isUint8Array } } = require('node:util')
const slabs = require('./slab-pool.js')

/** A chunk of this many bytes is pinned and not copied: docs/design.md, "Sizes". */
const PIN_FROM = 16 * 1024

/** The same of a chunk that comes alone, where there is no free slab. */
const SHARE_FROM = 512

const lengthOf = Function.prototype.call.bind(
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'length').get)

/**
 * The bytes of a chunk, whatever properties of its own it has: 0 if its memory was transferred away.
 * @returns {number} -1: it is no Uint8Array, or says that it has another length, so that Node is to take or to refuse it
 */
function sizeOf (chunk) {
  if (!isUint8Array(chunk)) return -1
  const size = lengthOf(chunk)
  return size === chunk.length ? size : -1
}

const NOTHING = Buffer.alloc(0)

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
    /** Slabs that were filled before, as { slab, end }: free when the bytes up to `end` are written. */
    this.sealed = []
    /** Pinned chunks that Rust may still read. */
    this.pins = 0
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
    if (Buffer.byteLength(string, encoding) >= PIN_FROM) {
      const bytes = Buffer.from(string, encoding)
      return this.appendBytes(bytes, bytes.length)
    }
    if (string.length * 3 > slabs.SLAB || Buffer.byteLength(string, encoding) > this.size - this.filled) this.nextSlab()
    return this.publish(this.bytes.write(string, this.filled, encoding))
  }

  /** Puts a Uint8Array of `size` bytes behind what is there: a copy, or a big chunk itself. @returns {number} `size` */
  appendBytes (chunk, size) {
    if (size >= PIN_FROM) return this.pin(chunk, size)
    if (size > this.size - this.filled) {
      if (size >= SHARE_FROM && this.isAlone) return this.pin(chunk, size)
      this.nextSlab()
    }
    // Memory that was transferred away can't be copied from.
    if (size > 0) this.bytes.set(chunk, this.filled)
    return this.publish(size)
  }

  /** Whether there is nothing else to be written, and no slab at hand: a new one for a single chunk would cost more than to pin that. */
  get isAlone () {
    return this.slab === null && this.accepted === this.control.settled && !slabs.areFree()
  }

  pin (chunk, size) {
    this.sink.pin(chunk)
    this.publish(0)
    this.gate?.hold(size, this.accepted)
    this.accepted += size
    // A loop that never yields must not hold what is written long since.
    if ((++this.pins & 15) === 0) this.unpin()
    return size
  }

  /** From here on the next `size` bytes of the slab are Rust's. */
  publish (size) {
    this.filled += size
    this.accepted += size
    if (this.control.publish(this.filled)) this.sink.schedule()
    return size
  }

  nextSlab () {
    if (this.slab !== null) this.sealed.push({ slab: this.slab, end: this.accepted })
    this.recycle()
    this.slab = slabs.take()
    this.bytes = this.slab.bytes
    this.size = slabs.SLAB
    this.filled = 0
    // Seals the last slab where JavaScript has filled it to, and starts the new one at 0.
    this.sink.attach(this.slab.native)
    this.gate?.hold(slabs.SLAB, this.accepted)
  }

  /** Gives back slabs whose bytes are written, even if that was in this run. */
  recycle () {
    const settled = this.readSettled()
    while (this.sealed.length > 0 && this.sealed[0].end <= settled) slabs.giveBack(this.sealed.shift().slab)
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

module.exports = { WriteBuffer, sizeOf }

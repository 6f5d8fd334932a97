'use strict'

// Slabs that no stream of this thread uses, each with the Buffer over it.

const { Buffer } = require('node:buffer')
const { Slab } = require('./native.js')

/** Bytes in a slab: docs/design.md, "Sizes". */
const SLAB = 64 * 1024

/** The same of the first slab of a burst where there is a crowd: for many a stream that is the only one. */
const SMALL_SLAB = 4 * 1024

/** Bytes in the slabs that streams have, from which on they are a crowd: V8 collects garbage more often for what it is told to be in use. */
const CROWD = 16 * 1024 * 1024

/** Bytes in free slabs of each size that a thread keeps from turn to turn: those of a default high-water mark, and of a batch that Rust has written meanwhile. */
const FREE_BYTES = 2 * 1024 * 1024

const free = { [SLAB]: [], [SMALL_SLAB]: [] }

/** Bytes in the slabs that streams have. */
let lent = 0

/** The size of the slab for the first chunk of a burst, of `size` bytes. */
function firstSize (size) {
  return lent >= CROWD && size <= SMALL_SLAB ? SMALL_SLAB : SLAB
}

/**
 * A slab for a chunk of `size` bytes, which begins a burst if it `isFirst`.
 * @returns {{ native: Slab, bytes: Buffer } | null} null: the system has no memory
 */
function take (size, isFirst) {
  const slabSize = isFirst ? firstSize(size) : SLAB
  const slab = free[slabSize].pop() ?? make(slabSize)
  if (slab !== null) lent += slabSize
  return slab
}

function make (size) {
  let native
  try {
    native = new Slab(size)
  } catch {
    return null
  }
  const { buffer, byteOffset, byteLength } = native.bytes()
  // A view made here is of the same hidden class as all other Buffers, one that the addon makes is not.
  return { native, bytes: Buffer.from(buffer, byteOffset, byteLength) }
}

/** Whether there is a free one for the first chunk of a burst, of `size` bytes. */
function areFree (size) {
  return free[firstSize(size)].length > 0
}

function giveBack (slab) {
  const size = slab.bytes.length
  lent -= size
  free[size].push(slab)
}

/** Only between turns: while JavaScript runs on, what is let go of stays mapped anyway, and filling it again is cheaper. */
function trim () {
  for (const size of [SLAB, SMALL_SLAB]) {
    const most = FREE_BYTES / size
    if (free[size].length > most) free[size].length = most
  }
}

module.exports = { areFree, take, giveBack, trim }

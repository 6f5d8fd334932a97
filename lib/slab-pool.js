'use strict'

// Slabs that no stream of this thread uses, each with the Buffer over it.

const { Buffer } = require('node:buffer')
const { Slab } = require('./native.js')

/** Bytes in a slab: docs/design.md, "Sizes". */
const SLAB = 64 * 1024

/** Free slabs that a thread keeps from turn to turn: those of a default high-water mark, and of a batch that Rust has written meanwhile. */
const FREE_SLABS = 32

const free = []

/** @returns {{ native: Slab, bytes: Buffer } | null} null: the system has no memory */
function take () {
  const slab = free.pop()
  if (slab !== undefined) return slab
  let native
  try {
    native = new Slab(SLAB)
  } catch {
    return null
  }
  const { buffer, byteOffset, byteLength } = native.bytes()
  // A view made here is of the same hidden class as all other Buffers, one that the addon makes is not.
  return { native, bytes: Buffer.from(buffer, byteOffset, byteLength) }
}

function areFree () {
  return free.length > 0
}

function giveBack (slab) {
  free.push(slab)
}

/** Only between turns: while JavaScript runs on, what is let go of stays mapped anyway, and filling it again is cheaper. */
function trim () {
  if (free.length > FREE_SLABS) free.length = FREE_SLABS
}

module.exports = { SLAB, areFree, take, giveBack, trim }

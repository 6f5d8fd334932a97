'use strict'

// How the moments of a play are moved, so that many orders of what is a matter of time are seen.

const KIB = 1024
const MIB = 1024 * KIB

/** How long the thread is held up at random, in microseconds. */
const DELAYS = [0, 0, 0, 20, 100, 1000]

/** What may still arrive of a file that is copied, so that what a program does comes later for stock: up to the end. */
const LATER = 5 * MIB

const never = new Int32Array(new SharedArrayBuffer(4))

function jitter () {
  const delay = DELAYS[Math.floor(Math.random() * DELAYS.length)]
  if (delay > 0) Atomics.wait(never, 0, 0, delay / 1000)
}

/** By how much a step of stock is late: few are at all, so that all orders are seen. */
function later () {
  const bytes = among([0, 0, Math.floor(Math.random() ** 2 * LATER), LATER])
  return { bytes, turns: turns() }
}

/** The same of ours. */
function soon () {
  return { bytes: 0, turns: turns() }
}

/**
 * How stock is played again. A file that is copied comes as if the reader had a high-water mark of up to 4 MiB.
 * @param {object} program
 */
function ofStock ({ source: { kind, size, mark } }) {
  const isCopied = kind === 'file' && size >= 256 * KIB
  return { delay: later, jitter, isSlow: Math.random() < 0.5, mark: isCopied ? among([mark, mark, 2 * MIB, 4 * MIB]) : mark }
}

/** How ours is. */
function ofOurs () {
  return { delay: soon, jitter }
}

function among (values) {
  return values[Math.floor(Math.random() * values.length)]
}

function turns () {
  return Math.random() < 0.5 ? 0 : Math.floor(Math.random() * 5)
}

module.exports = { ofStock, ofOurs }

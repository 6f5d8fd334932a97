'use strict'

// How the moments of a play are moved, so that many orders of what is a matter of time are seen.

/** How long the thread is held up at random, in microseconds. */
const DELAYS = [0, 0, 0, 20, 100, 1000]

/** What may still arrive of a file that is copied, so that what a program does comes later for stock. */
const LATER = 5 * 1024 * 1024

const never = new Int32Array(new SharedArrayBuffer(4))

function jitter () {
  const delay = DELAYS[Math.floor(Math.random() * DELAYS.length)]
  if (delay > 0) Atomics.wait(never, 0, 0, delay / 1000)
}

/** Bytes by which a step of stock is late. Few are late at all, so that all orders are seen. */
function later () {
  return Math.random() < 0.4 ? 0 : Math.floor(Math.random() ** 2 * LATER)
}

module.exports = { jitter, later }

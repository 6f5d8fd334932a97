'use strict'

// The turns of this thread's event loop, the inlets that have something going
// on in them, and what keeps the process alive for those.

// Taken now: who replaces the globals (fake timers) does not mean ours.
const { setImmediate, setInterval, setTimeout } = require('node:timers')
const { isMainThread } = require('node:worker_threads')
const { Hub } = require('./native.js')

/**
 * How old, in milliseconds, the news may be of which nobody waits for any: of
 * the first write after a rest, and of those who write on and on. A timer of a
 * millisecond that is set again and again costs a pipe a tenth of its time.
 */
const SOON = 1
const LATER = 10

/** Inlets that have something going on, by number. Holds them: who drops a stream still gets its bytes written. */
const active = new Map()
let lastNumber = 0
let isHurryDue = false

/**
 * Calls `news()` of an inlet, in a turn of its own, when Rust has some. Rust's
 * calls alone are no such turn: Node makes up to a thousand of them in one.
 */
const hub = new Hub(number => setImmediate(deliver, number), !isMainThread)

function deliver (number) {
  active.get(number)?.news()
}

/** @returns {number} for a new inlet; as wide as Rust's */
function nextNumber () {
  lastNumber = (lastNumber + 1) >>> 0
  return lastNumber
}

/** Gives a function that has all active inlets look within about `time` milliseconds. */
function alarm (time) {
  let isSet = false
  const ring = () => {
    isSet = false
    lookAll()
  }
  return () => {
    if (isSet) return
    isSet = true
    setTimeout(ring, time).unref()
  }
}

const lookSoon = alarm(SOON)
const lookLater = alarm(LATER)

/** Has `inlet.look()` called in a later turn. */
function work (inlet) {
  if (active.has(inlet.number)) return lookLater()
  active.set(inlet.number, inlet)
  lookSoon()
}

/** Has all active inlets look in the next turn. */
function hurry () {
  if (isHurryDue) return
  isHurryDue = true
  // It wants to see the turn, not to cause one.
  setImmediate(() => {
    isHurryDue = false
    lookAll()
  }).unref()
}

function rest (inlet) {
  active.delete(inlet.number)
}

function lookAll () {
  let isDone = false
  try {
    for (const inlet of active.values()) inlet.look()
    isDone = true
  } finally {
    // A listener threw: the others get their look all the same.
    if (!isDone) hurry()
  }
}

let holders = 0
let keeper = null

/** Keeps the process alive until as many calls of `letGo`. */
function hold () {
  if (holders++ > 0) return
  keeper ??= setInterval(() => {}, 2 ** 31 - 1)
  keeper.ref()
}

function letGo () {
  if (--holders === 0) keeper.unref()
}

module.exports = { active, hub, nextNumber, work, hurry, rest, hold, letGo }

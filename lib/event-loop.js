'use strict'

// The event loop of this thread: which streams have something under way, when
// they are polled, and what keeps the process alive for them.

const { AsyncResource } = require('node:async_hooks')
const { fstat } = require('node:fs')
const process = require('node:process')
// Taken now: fake timers replace the globals, and do not mean ours.
const timers = require('node:timers')
const errors = require('./errors.js')
const { Hub } = require('./native.js')
const slabs = require('./slab-pool.js')

/**
 * How old, in milliseconds, progress may be of which nobody waits for any:
 * after the first write that follows an idle time, and while a stream is written to
 * again and again. A repeating timer of a millisecond costs a pipe a tenth of its time.
 */
const SOON = 1
const LATER = 10

/** A turn is no request's: neither its async context nor its domain is to be found there. */
const root = new AsyncResource('SPILLWAY')
const { setInterval } = timers
const setImmediate = root.bind(timers.setImmediate)
const setTimeout = root.bind(timers.setTimeout)

/** Streams with something under way, by number. Holds them: a stream that the program drops gets its bytes written. */
const active = new Map()
/** Streams of which Rust has something to tell though nothing is under way, by number. */
const watched = new Map()
let lastNumber = 0
let isPollDue = false

/** Made with the first stream that gets it: it needs threads. */
let hub = null
let hasWarned = false

/** @returns {Hub | null} null: the system gives no thread now, so that streams are to be Node's own */
function getHub () {
  if (hub !== null) return hub
  try {
    root.runInAsyncScope(startThreadsOfNode)
    hub = new Hub(onWake)
  } catch (cause) {
    warn(cause)
  }
  return hub
}

/** libuv makes its threads all at once, for the first who needs one, and ends the process if it gets none: they come before ours. */
function startThreadsOfNode () {
  fstat(2, () => {})
}

/** Rust's calls. Node makes up to a thousand of them in one turn. */
function onWake (number) {
  const carrier = active.get(number) ?? watched.get(number)
  if (carrier?.opening.poll() === false) carrier.onWake()
}

function warn (cause) {
  if (hasWarned) return
  hasWarned = true
  process.emitWarning(errors.warning(`The system gives spillway no thread (${cause.message}): streams are Node's own, until it does`, cause))
}

/** Waits until everything of all streams of this thread is written, or of all threads: they end. */
function flush (ofAll) {
  hub?.flush(ofAll)
}

/** @returns {number} for a new stream; as wide as Rust's */
function nextNumber () {
  lastNumber = (lastNumber + 1) >>> 0
  return lastNumber
}

/** @returns {() => void} has all active streams polled within about `time` milliseconds */
function alarm (time) {
  let isSet = false
  const ring = () => {
    isSet = false
    slabs.trim()
    pollAll(true)
  }
  return () => {
    if (isSet) return
    isSet = true
    setTimeout(ring, time).unref()
  }
}

const pollSoon = alarm(SOON)
const pollLater = alarm(LATER)

/** Has the stream of `carrier` polled in a later turn. */
function activate (carrier) {
  if (active.has(carrier.number)) return pollLater()
  active.set(carrier.number, carrier)
  pollSoon()
}

function deactivate (carrier) {
  active.delete(carrier.number)
}

/** Has the stream of `carrier` told what Rust calls for, also while it is idle. */
function watch (carrier) {
  watched.set(carrier.number, carrier)
}

function unwatch (carrier) {
  watched.delete(carrier.number)
}

/** Has all active streams polled in the next turn. */
function pollNextTurn () {
  if (isPollDue) return
  isPollDue = true
  // It wants to see the turn, not to cause one.
  setImmediate(() => {
    isPollDue = false
    pollAll(false)
  }).unref()
}

/** @param {boolean} isAlarm whether idle streams may let go of their memory */
function pollAll (isAlarm) {
  let isDone = false
  try {
    for (const carrier of active.values()) carrier.poll(isAlarm)
    isDone = true
  } finally {
    // A listener threw: the others are polled all the same.
    if (!isDone) pollNextTurn()
  }
}

let refs = 0
let keeper = null

/** Keeps the process alive until as many calls of `unref`. */
function ref () {
  if (refs++ > 0) return
  keeper ??= setInterval(() => {}, 2 ** 31 - 1)
  keeper.ref()
}

function unref () {
  if (--refs === 0) keeper.unref()
}

module.exports = { active, getHub, flush, nextNumber, activate, deactivate, watch, unwatch, pollNextTurn, ref, unref, setImmediate, setTimeout }

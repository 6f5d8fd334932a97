'use strict'

// Nothing that was accepted is lost when the process ends.

const process = require('node:process')
const { isMainThread } = require('node:worker_threads')
const errors = require('./errors.js')
const { active, flush, setImmediate } = require('./event-loop.js')

/** Functions to be called when this thread ends, of all copies of this package in it. */
const kFlushes = Symbol.for('spillway.flushes')

let isExiting = false

/**
 * Watches for the end of this thread. Listeners for 'exit' are to find the
 * files whole, whenever they were added, and may be removed all at once: so
 * this is no listener, but comes before them.
 */
function watch () {
  // Made by a listener for 'exit', when it is too late to come before it.
  if (process._exiting) isExiting = true
  const flushes = process[kFlushes] ?? wrapEmit()
  flushes.add(flushAll)
}

function wrapEmit () {
  const flushes = new Set()
  const flushThem = isReplaced => flushes.forEach(flush => flush(isReplaced))
  const { emit } = process
  process.emit = function (name, ...values) {
    if (name === 'exit') flushThem(false)
    return Reflect.apply(emit, this, [name, ...values])
  }
  // Bun does not emit 'exit' by that method.
  if (process.versions.bun !== undefined) process.prependListener('exit', () => flushThem(false))
  // In a worker it only throws.
  if (isMainThread && typeof process.execve === 'function') wrapExecve(() => flushThem(true))
  Object.defineProperty(process, kFlushes, { value: flushes })
  return flushes
}

/** `process.execve()` puts another program in the place of this one, and nobody is told. */
function wrapExecve (flushThem) {
  const { execve } = process
  const wrapped = function (...values) {
    flushThem()
    return Reflect.apply(execve, this, values)
  }
  Object.defineProperties(wrapped, { name: { value: execve.name }, length: { value: execve.length } })
  process.execve = wrapped
}

/**
 * No turn comes any more: what is left is written here.
 * @param {boolean} [isReplaced] whether another program comes, unless the system refuses: then all goes on
 */
function flushAll (isReplaced) {
  if (isReplaced === true) return flushBeforeExecve()
  // If a turn comes after all, a program has only said that it ends.
  if (!isExiting) setImmediate(() => { isExiting = false }).unref()
  isExiting = true
  for (const carrier of active.values()) carrier.ending.prepareFlush(true)
  flush(false)
  for (const { ending, stream } of active.values()) warn(stream, ending.abandon())
}

/** Writes what can be written, of all threads, and drops nothing. */
function flushBeforeExecve () {
  for (const carrier of active.values()) carrier.ending.prepareFlush(false)
  flush(true)
  for (const { ending, stream } of active.values()) warn(stream, ending.unwritten)
}

/** @param {{ bytes: number, sources: number } | null} lost null: nothing is */
function warn ({ path, fd }, lost) {
  if (lost === null) return
  const name = path === undefined ? `fd ${fd}` : path.toString()
  // emitWarning would wait for a tick that never comes.
  process.emit('warning', errors.warning(`${told(lost)} could not be written to ${name} before the process ended`))
}

/** How many bytes a source still had nobody knows. */
function told ({ bytes, sources }) {
  const rest = `the rest of ${sources} source${sources === 1 ? '' : 's'}`
  return sources === 0 ? `${bytes} bytes` : bytes === 0 ? rest : `${bytes} bytes and ${rest}`
}

module.exports = { watch, flushAll, isExiting: () => isExiting }

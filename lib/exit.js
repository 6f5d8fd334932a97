'use strict'

// Nothing that was accepted is lost when the process ends.

const process = require('node:process')
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
  const flushThem = () => flushes.forEach(flush => flush())
  const { emit } = process
  process.emit = function (name, ...values) {
    if (name === 'exit') flushThem()
    return Reflect.apply(emit, this, [name, ...values])
  }
  // Bun does not emit 'exit' by that method.
  if (process.versions.bun !== undefined) process.prependListener('exit', flushThem)
  Object.defineProperty(process, kFlushes, { value: flushes })
  return flushes
}

/** No turn comes any more: what is left is written here. */
function flushAll () {
  // If a turn comes after all, a program has only said that it ends.
  if (!isExiting) setImmediate(() => { isExiting = false }).unref()
  isExiting = true
  for (const carrier of active.values()) carrier.ending.prepareFlush()
  flush()
  for (const carrier of active.values()) {
    const lost = carrier.ending.abandon()
    if (lost > 0) warn(carrier.stream, lost)
  }
}

function warn ({ path, fd }, lost) {
  const name = path === undefined ? `fd ${fd}` : path.toString()
  const warning = new Error(`${lost} bytes could not be written to ${name} before the process ended`)
  warning.name = 'SpillwayWarning'
  // emitWarning would wait for a tick that never comes.
  process.emit('warning', warning)
}

module.exports = { watch, flushAll, isExiting: () => isExiting }

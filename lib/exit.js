'use strict'

// Nothing that was accepted is lost when the process ends.

const process = require('node:process')
const { active, hub } = require('./event-loop.js')

/** Functions to be called at the end of this thread, of all copies of this package in it: they share one listener. */
const kFlushes = Symbol.for('spillway.flushes')

let isExiting = false

/** Watches for the end of this thread. Other listeners are to find the files whole, so ours is the first. */
function watch () {
  // Made while other listeners are called: ours will not be.
  if (process._exiting) isExiting = true
  const shared = process[kFlushes] ?? makeShared()
  shared.flushes.add(flushAll)
  if (process.listeners('exit')[0] === shared.listener) return
  process.removeListener('exit', shared.listener)
  process.prependListener('exit', shared.listener)
}

function makeShared () {
  const flushes = new Set()
  const shared = { flushes, listener: () => flushes.forEach(flush => flush()) }
  Object.defineProperty(process, kFlushes, { value: shared })
  return shared
}

/** No turn comes any more: what is left is written here. */
function flushAll () {
  isExiting = true
  for (const carrier of active.values()) carrier.prepareFlush()
  hub.flush()
  for (const carrier of active.values()) {
    const lost = carrier.abandon()
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

'use strict'

// Nothing that was accepted is lost when the process ends.

const { active, hub } = require('./turn.js')

let isWatching = false
let isExiting = false

/** Watches for the end of this thread, from the first stream on. */
function watch () {
  if (isWatching) return
  isWatching = true
  process.on('beforeExit', waitForAll)
  process.on('exit', flushAll)
}

/** As with stock, where a write in flight keeps the process alive until its error can be told. */
function waitForAll () {
  for (const inlet of active.values()) inlet.waitUntilWritten()
}

/** No turn comes any more: what is left is written here. */
function flushAll () {
  isExiting = true
  for (const inlet of active.values()) inlet.takeOver()
  hub.flush()
  for (const inlet of active.values()) {
    const lost = inlet.abandon()
    if (lost > 0) warn(inlet.stream, lost)
  }
}

function warn ({ path, fd }, lost) {
  const name = path === undefined ? `fd ${fd}` : path.toString()
  const warning = new Error(`${lost} bytes could not be written to ${name} before the process ended`)
  warning.name = 'SpillwayWarning'
  // emitWarning would wait for a tick that never comes.
  process.emit('warning', warning)
}

module.exports = { watch, isExiting: () => isExiting }

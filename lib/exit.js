'use strict'

// Nothing that was accepted is lost when the process ends.

const fs = require('node:fs')
const { active, hub } = require('./turn.js')

/** How long the end of the process waits for opens of Node's, all together, in milliseconds. */
const OPEN_TIMEOUT = 200

/** A word that nobody changes, to wait for. */
const NEVER = new Int32Array(new SharedArrayBuffer(4))

let isWatching = false
let isExiting = false
/** What is left of it. */
let patience = OPEN_TIMEOUT

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

/**
 * The descriptor of an open that Node has under way in libuv's pool, where it
 * goes on when no turn comes any more: opened here as well, the file would be
 * emptied by it when we have written. Linux alone shows the descriptors.
 * @returns {number | undefined} undefined: it does not come
 */
function openedByNode (path) {
  if (process.platform !== 'linux') return undefined
  // Counted, and not by a clock: fake timers stop those.
  for (;;) {
    const file = fs.statSync(path, { throwIfNoEntry: false })
    const fd = file && descriptors().find(fd => isWriterOf(fd, file))
    if (fd !== undefined || patience-- <= 0) return fd
    Atomics.wait(NEVER, 0, 0, 1)
  }
}

const descriptors = () => fs.readdirSync('/proc/self/fd').map(Number)

/** Whether `fd` is open for writing into `file`. */
function isWriterOf (fd, { dev, ino }) {
  try {
    const stat = fs.fstatSync(fd)
    if (stat.dev !== dev || stat.ino !== ino) return false
    const flags = parseInt(/^flags:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))[1], 8)
    return (flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) !== 0
  } catch {
    // It was that of readdir itself, or is closed by now.
    return false
  }
}

module.exports = { watch, openedByNode, isExiting: () => isExiting }

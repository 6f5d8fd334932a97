'use strict'

// What a process still holds, and waiting for it to let go.

const fs = require('node:fs')

/** The files below `folder` that this process has open. */
function openFiles (folder) {
  const real = fs.realpathSync(folder)
  return fs.readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      // The descriptor of readdir itself.
      return []
    }
  }).filter(target => target.startsWith(real))
}

/** Lets the event loop turn until `condition()` is true. */
async function until (condition) {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}

module.exports = { openFiles, until }

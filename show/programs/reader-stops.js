'use strict'

const { once } = require('node:events')

async function run (out, lines) {
  setTimeout(() => out.destroy(), 2500)
  for (const line of lines) {
    if (!out.write(line)) await once(out, 'drain')
  }
  out.end()
}

module.exports = {
  name: 'reader-stops',
  title: 'A reader that stops',
  seen: [
    'Another process reads from a pipe, and stops after a second. The pipe is full, the buffer is full, write() says false, and ‘drain’ never comes. After two and a half seconds the program gives up: destroy().',
    'Node’s stream has a write under way that never returns. It can’t be destroyed, ‘close’ does not come, and the process can’t end; this page stops it. spillway cancels its write, and the process ends at once.',
    'What nobody has read is lost in both: that is what destroy() says.'
  ],
  input: 'busy',
  pace: Infinity,
  seconds: 4,
  /** When the reader stops, in milliseconds. */
  stops: 1000,
  /** In milliseconds: long enough to see that Node's process does not end. */
  time: 6000,
  knobs: { mark: 1024 * 1024, chunk: 16 * 1024, speed: 4 * 1024 * 1024, limit: 'none' },
  speeds: speed => speed !== 'disk',
  run
}

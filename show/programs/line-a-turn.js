'use strict'

const { setImmediate } = require('node:timers/promises')

// A server's log: a line, then the event loop has its turn.
async function run (out, lines) {
  for (const line of lines) {
    out.write(line)
    await setImmediate()
  }
  out.end()
}

module.exports = {
  name: 'line-a-turn',
  title: 'A line a turn',
  seen: [
    'A server’s log: one line in each turn of the event loop, as fast as the turns come, and nobody looks at what write() returns. The disk keeps up, so no buffer grows; what counts is how much time a line takes from the rest of the program.',
    'Look at the bytes accepted: both processes had the same time. Node’s stream keeps an object for each line until its write has come back. spillway’s write() puts the line into memory and is done; a thread of Rust’s writes many lines at once.'
  ],
  input: 'busy',
  pace: Infinity,
  seconds: 4,
  knobs: { mark: 'default', chunk: 100, speed: 'disk', limit: 'none' },
  speeds: () => true,
  run
}

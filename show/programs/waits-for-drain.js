'use strict'

const { once } = require('node:events')

// As docs/backpressure.md has it.
async function run (out, lines) {
  for (const line of lines) {
    if (!out.write(line)) await once(out, 'drain')
  }
  out.end()
}

module.exports = {
  name: 'waits-for-drain',
  title: 'A loop that waits for ‘drain’',
  seen: [
    'This is backpressure as it should be. The loop could make lines much faster than the target takes them; when the buffer has reached the high-water mark, write() says false, and the loop waits for ‘drain’. The buffer fills and empties, and memory stays flat.',
    'Both streams do that alike: the target sets the pace. Let the target be the disk, with chunks of 100 bytes: then JavaScript is what costs time, and spillway gets further.'
  ],
  input: 'busy',
  pace: Infinity,
  seconds: 4,
  knobs: { mark: 1024 * 1024, chunk: 16 * 1024, speed: 4 * 1024 * 1024, limit: 'none' },
  speeds: () => true,
  run
}

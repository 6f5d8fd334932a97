'use strict'

const fs = require('node:fs')

// pipe() pauses the reader at false, and resumes it at 'drain'.
function run (out, { source, chunk }) {
  fs.createReadStream(source, { highWaterMark: chunk }).pipe(out)
}

module.exports = {
  name: 'pipe',
  title: 'pipe()',
  seen: [
    'A file is read and piped into a target that is slower. pipe() obeys for you: it pauses the reader at false and resumes it at ‘drain’, so a file of any size passes through a buffer of the same size.',
    'By default Node’s buffer takes less than spillway’s 1 MiB, so it says false more often. This page counts each chunk; while nobody does, spillway copies a piped file in Rust, and its chunks never come to JavaScript.'
  ],
  input: 'file',
  seconds: 4,
  knobs: { mark: 'default', chunk: 64 * 1024, speed: 8 * 1024 * 1024, limit: 'none' },
  speeds: () => true,
  run
}

'use strict'

// A loop that waits for 'drain' when it is told to: reads like synchronous
// code, and any code may stand in the loop.
//
//   node examples/for-await.js [source] [destination]

const { once } = require('node:events')
const fs = require('node:fs')
const { finished } = require('node:stream/promises')
const { createWriteStream } = require('..') // for you: require('spillway')
const { run } = require('./support/run.js')

async function forAwait (source, destination) {
  const reader = fs.createReadStream(source)
  const out = createWriteStream(destination)
  // An error of the writer ends the loop, even while it waits for the reader.
  out.on('error', error => reader.destroy(error))
  try {
    for await (const chunk of reader) {
      if (!out.write(chunk)) await once(out, 'drain')
    }
    out.end()
    await finished(out)
  } catch (error) {
    out.destroy()
    throw error
  }
  return out.bytesWritten
}

module.exports = forAwait

if (require.main === module) {
  run(async (source, destination) => `${await forAwait(source, destination)} bytes`)
}

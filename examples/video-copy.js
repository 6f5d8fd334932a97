'use strict'

// Big files, big high-water marks: 5 MiB on both sides, so that a disk that
// likes big writes gets them. Each chunk that the reader brings is then as big
// as the writer's high-water mark.
//
//   node examples/video-copy.js [source] [destination]

const fs = require('node:fs')
const { finished } = require('node:stream/promises')
const { createWriteStream } = require('..') // for you: require('spillway')
const { run } = require('./support/run.js')

const MARK = 5 * 1024 * 1024

async function videoCopy (source, destination) {
  const reader = fs.createReadStream(source, { highWaterMark: MARK })
  const out = createWriteStream(destination, { highWaterMark: MARK })
  reader.on('error', error => out.destroy(error))
  out.on('error', () => reader.destroy())
  reader.pipe(out)
  await finished(out)
  return out.bytesWritten
}

module.exports = videoCopy

if (require.main === module) {
  run(async (source, destination) => `${await videoCopy(source, destination)} bytes`)
}

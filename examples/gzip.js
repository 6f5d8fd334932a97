'use strict'

// pipeline(): as many streams as you like, errors and closing included. When
// any of them fails, all are destroyed and the promise rejects.
//
//   node examples/gzip.js [source] [destination]

const fs = require('node:fs')
const { pipeline } = require('node:stream/promises')
const zlib = require('node:zlib')
const { createWriteStream } = require('..') // for you: require('spillway')
const { run } = require('./support/run.js')

async function gzip (source, destination) {
  const reader = fs.createReadStream(source)
  const out = createWriteStream(destination)
  await pipeline(reader, zlib.createGzip(), out)
  return { read: reader.bytesRead, written: out.bytesWritten }
}

module.exports = gzip

if (require.main === module) {
  run(async (source, destination) => {
    const { read, written } = await gzip(source, destination)
    return `${read} bytes made ${written}`
  })
}

'use strict'

// pipe() does the pausing and resuming itself. What it does not do is errors.
//
//   node examples/pipe.js [source] [destination]

const fs = require('node:fs')
const { createWriteStream } = require('..') // for you: require('spillway')
const { run } = require('./support/run.js')

function pipe (source, destination) {
  return new Promise((resolve, reject) => {
    const reader = fs.createReadStream(source)
    const out = createWriteStream(destination)

    // If reading fails, pipe() never ends the writer, whose file would stay open.
    reader.on('error', error => out.destroy(error))
    // If writing fails, pipe() leaves the reader, whose file would stay open.
    out.on('error', error => {
      reader.destroy()
      reject(error)
    })
    out.on('finish', () => resolve(out.bytesWritten))

    reader.pipe(out)
  })
}

module.exports = pipe

if (require.main === module) {
  run(async (source, destination) => `${await pipe(source, destination)} bytes`)
}

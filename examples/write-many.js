'use strict'

// Many small writes from a loop: go on until write() says false, go on from
// there at 'drain'. Ten million lines take no more memory than a hundred thousand.
//
//   node examples/write-many.js [count] [destination]

const { finished } = require('node:stream')
const { promisify } = require('node:util')
const { createWriteStream } = require('..') // for you: require('spillway')
const { run } = require('./support/run.js')

/** Writes `data` `count` times and ends the stream; then, or when it fails, calls `callback(error)`. */
function writeMany (out, data, count, callback) {
  let left = count
  const goOn = () => {
    while (left > 0) {
      left--
      if (!out.write(data)) break
    }
    if (left > 0) out.once('drain', goOn)
    else out.end()
  }
  // Not a callback of end(), to which it never comes after an error.
  finished(out, callback)
  goOn()
}

module.exports = writeMany

if (require.main === module) {
  run(async (count, destination) => {
    const out = createWriteStream(destination)
    await promisify(writeMany)(out, 'Hello\n', count)
    return `${count} lines, ${out.bytesWritten} bytes`
  }, 100000)
}

'use strict'

// Rows of a database into a file: a stream of objects, turned into lines by a
// Transform. The writer is what sets the pace: while it is full, no row is made.
//
//   node examples/rows.js [count] [destination]

const { Readable, Transform } = require('node:stream')
const { pipeline } = require('node:stream/promises')
const { createWriteStream } = require('..') // for you: require('spillway')
const { run } = require('./support/run.js')

/** Stands for a database's cursor. */
function * select (count) {
  for (let id = 1; id <= count; id++) yield { id, name: `user ${id}`, even: id % 2 === 0 }
}

async function writeRows (count, destination) {
  const out = createWriteStream(destination)
  let highestLevel = 0
  const toLines = new Transform({
    // Objects come in, bytes go out.
    writableObjectMode: true,
    transform (row, encoding, callback) {
      highestLevel = Math.max(highestLevel, out.writableLength)
      callback(null, `${row.id},${row.name},${row.even}\n`)
    }
  })
  await pipeline(Readable.from(select(count)), toLines, out)
  return { bytes: out.bytesWritten, highestLevel, mark: out.writableHighWaterMark }
}

module.exports = writeRows

if (require.main === module) {
  run(async (count, destination) => {
    const { bytes, highestLevel, mark } = await writeRows(count, destination)
    return `${count} rows, ${bytes} bytes, highest level ${highestLevel} of a mark of ${mark}`
  }, 1000000)
}

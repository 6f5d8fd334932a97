'use strict'

// By hand: pause the reader when write() says false, resume it at 'drain'.
//
//   node examples/pause-resume.js [source] [destination]
//
// Each chunk of the reader is four times the writer's high-water mark, so write() says
// false each time. It has taken the chunk all the same: false means "no more,
// please", not "failed".

const fs = require('node:fs')
const { createWriteStream } = require('..') // for you: require('spillway')
const { run } = require('./support/run.js')

function pauseResume (source, destination) {
  return new Promise((resolve, reject) => {
    const reader = fs.createReadStream(source, { highWaterMark: 64 * 1024 })
    const out = createWriteStream(destination, { highWaterMark: 16 * 1024 })
    let pauses = 0

    reader.on('data', chunk => {
      if (out.write(chunk)) return
      pauses++
      reader.pause()
    })
    out.on('drain', () => reader.resume())
    reader.on('end', () => out.end())
    out.on('finish', () => {
      console.log("'finish': the system has all the bytes")
      resolve({ bytes: out.bytesWritten, pauses })
    })

    // Nobody passes errors on here: each side has to stop the other.
    reader.on('error', error => out.destroy(error))
    out.on('error', error => {
      reader.destroy()
      reject(error)
    })
  })
}

module.exports = pauseResume

if (require.main === module) {
  run(async (source, destination) => {
    const { bytes, pauses } = await pauseResume(source, destination)
    return `${bytes} bytes, paused ${pauses} times`
  })
}

'use strict'

const fs = require('node:fs')
const { PIPES, SOURCE } = require('../producers.js')

module.exports = {
  title: "pipe with a 'data' listener beside it",
  ...SOURCE,
  peers: PIPES,
  run (out, { reader, source }) {
    const from = fs.createReadStream(source, reader)
    let bytes = 0
    from.on('data', chunk => { bytes += chunk.length })
    from.pipe(out)
    return bytes
  }
}

'use strict'

const fs = require('node:fs')
const { createHash } = require('node:crypto')
const { SOURCE } = require('../producers.js')

module.exports = {
  title: 'pipe from fs.createReadStream, SHA-256',
  ...SOURCE,
  options: { digest: 'sha256' },
  peers: ['stock', 'stock-at-both-marks'],
  run (out, { reader, source }) {
    const from = fs.createReadStream(source, reader)
    if (out.digest === undefined) {
      const hash = createHash('sha256')
      from.on('data', chunk => hash.update(chunk))
    }
    from.pipe(out)
  }
}

'use strict'

const pipe = require('./digest-pipe.js')

module.exports = {
  ...pipe,
  title: 'pipe from fs.createReadStream, BLAKE3, beside SHA-256 in Node',
  options: { digest: 'blake3' }
}

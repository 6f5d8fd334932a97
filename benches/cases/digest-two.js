'use strict'

const pipe = require('./digest-pipe.js')

module.exports = {
  ...pipe,
  title: 'pipe from fs.createReadStream, SHA-256 and CRC-32, beside SHA-256 alone',
  options: { digest: ['sha256', 'crc32'] },
  peers: ['sha256-alone']
}

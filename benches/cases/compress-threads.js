'use strict'

const chunks = require('./compress-chunks.js')

module.exports = {
  ...chunks,
  title: 'Buffers of 64 KiB of JSON lines, gzip by as many threads as there are processors',
  options: { compress: { algorithm: 'gzip', threads: Math.min(64, require('node:os').availableParallelism()) } },
  peers: ['zlib-gzip']
}

'use strict'

const json = require('./lines-json.js')

module.exports = {
  ...json,
  title: 'varied JSON lines, zstd',
  count: 1_000_000,
  options: { compress: 'zstd' },
  decoder: 'zstd -dc',
  peers: ['zlib-zstd', 'zlib-gzip']
}

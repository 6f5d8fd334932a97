'use strict'

const json = require('./lines-json.js')

module.exports = {
  ...json,
  title: 'varied JSON lines, gzip',
  count: 400_000,
  options: { compress: 'gzip' },
  decoder: 'gzip -dc',
  peers: ['zlib-gzip', 'zlib-gzip-at-our-mark']
}

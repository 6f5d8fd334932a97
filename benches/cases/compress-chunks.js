'use strict'

const { period } = require('./lines-json.js')
const { loop } = require('../producers.js')

const SIZE = 64 * 1024
const chunk = Buffer.alloc(SIZE, period)

module.exports = {
  title: 'Buffers of 64 KiB of JSON lines, gzip',
  period: chunk,
  count: 2000,
  options: { compress: 'gzip' },
  decoder: 'gzip -dc',
  peers: ['zlib-gzip', 'zlib-gzip-at-our-mark'],
  run: (out, { count }) => loop(out, () => chunk, count)
}

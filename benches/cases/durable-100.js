'use strict'

const { LINE, writers } = require('../producers.js')

module.exports = {
  title: '100 writers, each line on the device before its next',
  period: Buffer.from(LINE),
  count: 60_000,
  onDisk: true,
  options: { durable: true },
  peers: ['file-handle'],
  run: (out, { count }) => writers(out, LINE, count, 100)
}

'use strict'

const { ALL, LINE, loop } = require('../producers.js')

module.exports = {
  title: '2000 streams at once',
  period: Buffer.from(LINE),
  count: 2_000_000,
  files: 2000,
  peers: ALL,
  run: (out, { count }) => loop(out, () => LINE, count)
}

'use strict'

const { ALL, LINE, eachTurn } = require('../producers.js')

module.exports = {
  title: 'ten lines a turn of the event loop',
  period: Buffer.from(LINE),
  count: 2_000_000,
  peers: [...ALL, 'sonic-boom'],
  run: (out, { count }) => eachTurn(out, () => LINE, count, 10)
}

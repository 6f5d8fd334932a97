'use strict'

const { ALL, LINE, eachTurn } = require('../producers.js')

module.exports = {
  title: 'one line a turn of the event loop',
  period: Buffer.from(LINE),
  count: 400_000,
  peers: [...ALL, 'sonic-boom'],
  run: (out, { count }) => eachTurn(out, () => LINE, count, 1)
}

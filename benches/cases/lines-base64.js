'use strict'

const { ALL, loop } = require('../producers.js')

const period = Buffer.from(Array.from({ length: 99 }, (_, at) => at * 37 & 255))
const text = period.toString('base64')

module.exports = {
  title: 'base64 strings of 132 characters',
  period,
  count: 2_000_000,
  peers: ALL,
  run: (out, { count }) => loop(out, () => text, count, 'base64')
}

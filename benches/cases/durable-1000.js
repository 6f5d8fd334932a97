'use strict'

const { writers } = require('../producers.js')
const hundred = require('./durable-100.js')

module.exports = {
  ...hundred,
  title: '1,000 writers, each line on the device before its next',
  count: 200_000,
  run: (out, { count }) => writers(out, String(hundred.period), count, 1000)
}

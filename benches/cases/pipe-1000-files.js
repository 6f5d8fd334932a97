'use strict'

const fs = require('node:fs')
const { ALL, SOURCE } = require('../producers.js')

const SIZE = 4096

module.exports = {
  title: '1,000 files of 4 KiB, each piped into its own',
  period: SOURCE.period.subarray(0, SIZE),
  perPeriod: SIZE,
  count: 1000 * SIZE,
  files: 1000,
  peers: ALL,
  run: (out, { count, source }) => fs.createReadStream(source, { end: count - 1 }).pipe(out)
}

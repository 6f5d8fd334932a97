'use strict'

const fs = require('node:fs')
const { SOURCE } = require('../producers.js')

const MIB = 1024 * 1024

module.exports = {
  title: 'pipe with chunks and marks of 5 MiB',
  ...SOURCE,
  mark: 5 * MIB,
  peers: ['stock', 'nothing', 'cp'],
  run: (out, { source }) => fs.createReadStream(source, { highWaterMark: 5 * MIB }).pipe(out)
}

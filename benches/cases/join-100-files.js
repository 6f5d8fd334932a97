'use strict'

const fs = require('node:fs')
const { pipeline } = require('node:stream/promises')
const { SOURCE } = require('../producers.js')

const SIZE = 1024 * 1024
const FILES = 100

module.exports = {
  title: '100 files of 1 MiB joined: writeFrom(), and pipeline() in turn',
  period: SOURCE.period,
  perPeriod: SOURCE.period.length,
  count: FILES * SIZE,
  peers: ['stock', 'stock-at-both-marks'],
  async run (out, { count, reader, source }) {
    for (let start = 0; start < count; start += SIZE) {
      const part = { ...reader, start, end: Math.min(start + SIZE, count) - 1 }
      if (out.writeFrom !== undefined) await out.writeFrom(source, part)
      else await pipeline(fs.createReadStream(source, part), out, { end: false })
    }
    out.end()
  }
}

'use strict'

const { ALL, LINE, repeat } = require('../producers.js')

module.exports = repeat(Buffer.from(LINE), 3_000_000, { title: 'lines of 100 bytes, Buffers', peers: ALL })

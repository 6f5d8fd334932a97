'use strict'

const { compressed } = require('../producers.js')

module.exports = compressed('gzip', 'chunks', 2000, { title: 'Buffers of 64 KiB of a log, gzip' })

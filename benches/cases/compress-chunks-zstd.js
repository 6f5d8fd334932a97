'use strict'

const { compressed } = require('../producers.js')

module.exports = compressed('zstd', 'chunks', 8000, { title: 'Buffers of 64 KiB of a log, zstd' })

'use strict'

const { availableParallelism } = require('node:os')
const { compressed } = require('../producers.js')

module.exports = compressed('zstd', 'chunks', 8000, {
  title: 'Buffers of 64 KiB of a log, zstd by as many threads as there are processors',
  options: { compress: { algorithm: 'zstd', threads: Math.min(64, availableParallelism()) } }
})

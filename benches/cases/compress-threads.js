'use strict'

const { availableParallelism } = require('node:os')
const { compressed } = require('../producers.js')

module.exports = compressed('gzip', 'chunks', 2000, {
  title: 'Buffers of 64 KiB of a log, gzip by as many threads as there are processors',
  options: { compress: { algorithm: 'gzip', threads: Math.min(64, availableParallelism()) } }
})

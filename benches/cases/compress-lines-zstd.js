'use strict'

const { compressed } = require('../producers.js')

module.exports = compressed('zstd', 'lines', 400_000, { title: 'log lines, zstd' })

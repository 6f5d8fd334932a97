'use strict'

const { compressed } = require('../producers.js')

module.exports = compressed('gzip', 'lines', 400_000, { title: 'log lines, gzip' })

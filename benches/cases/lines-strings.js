'use strict'

const { LINE, STRINGS, repeat } = require('../producers.js')

module.exports = repeat(LINE, 3_000_000, { title: 'lines of 100 bytes, strings', peers: [...STRINGS, 'memory'] })

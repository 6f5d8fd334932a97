'use strict'

const { ALL, LINE, repeat } = require('../producers.js')

module.exports = repeat(LINE, 2_000_000, { title: '2000 streams at once', files: 2000, peers: ALL })

'use strict'

const { ALL, LINE, repeat } = require('../producers.js')

module.exports = repeat(LINE, 2_000_000, { title: '200 streams at once', files: 200, peers: ALL })

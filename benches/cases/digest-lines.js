'use strict'

const { LINE, repeat } = require('../producers.js')

module.exports = repeat(LINE, 2_000_000, {
  title: 'lines of 100 bytes, SHA-256',
  options: { digest: 'sha256' },
  peers: ['crypto-tap']
})

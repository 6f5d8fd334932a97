'use strict'

// For `node -r` in the suites of others: registers, and puts down a byte for
// each stream that is ours. At once: some of them end without 'exit'.

const fs = require('node:fs')
const { subscribe } = require('node:diagnostics_channel')
require('../register.js')

const { appendFileSync } = fs

subscribe('spillway:open', ({ stream }) => {
  try {
    stream.stats()
  } catch {
    return // It was left to stock.
  }
  appendFileSync(process.env.SPILLWAY_COUNT, '.')
})

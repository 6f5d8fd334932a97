'use strict'

// For `node -r` in the suites of others: registers, and tells at the end how
// many streams were ours. Their own processes inherit it.

const fs = require('node:fs')
const { subscribe } = require('node:diagnostics_channel')
require('../register.js')

const { appendFileSync } = fs
let streams = 0

subscribe('spillway:open', ({ stream }) => {
  try {
    stream.stats()
    streams++
  } catch {
    // It was left to stock.
  }
})

process.on('exit', () => {
  if (streams > 0) appendFileSync(process.env.SPILLWAY_COUNTS, `${streams}\n`)
})

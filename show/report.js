'use strict'

// How a program's process tells the server something: lines of JSON, written at once, even at the end of the process.

const fs = require('node:fs')
const { PLACES } = require('./counters.js')
const { takeDelay } = require('./count.js')

/** The descriptors that a program's process has besides those of every process. */
const REPORTS = 3
const TARGET = 4

function report (type, values) {
  fs.writeSync(REPORTS, `${JSON.stringify({ type, ...values })}\n`)
}

function reportSample (counters) {
  const { accepted, buffered, peak, falses, drains } = PLACES
  report('sample', {
    accepted: counters[accepted],
    buffered: counters[buffered],
    peak: counters[peak],
    falses: counters[falses],
    drains: counters[drains],
    delay: takeDelay(counters),
    memory: process.memoryUsage.rss()
  })
}

module.exports = { REPORTS, TARGET, report, reportSample }

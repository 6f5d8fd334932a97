'use strict'

// The thread beside a program's JavaScript thread that reports how it is doing.

const fs = require('node:fs')
const { workerData: { counters, folder } } = require('node:worker_threads')
const { reportSample } = require('./report.js')

/** In milliseconds: a picture moves smoothly, and the program has the processor. */
const INTERVAL = 50

setInterval(() => {
  try {
    reportSample(counters)
  } catch {
    // The server is gone: nobody else would stop this process, and remove what it has written.
    fs.rmSync(folder, { recursive: true, force: true })
    process.kill(process.pid, 'SIGKILL')
  }
}, INTERVAL)

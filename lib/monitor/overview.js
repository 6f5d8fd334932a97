'use strict'

// What all threads have told, put together.

const { performance } = require('node:perf_hooks')
const { addCounts, noCounts } = require('../open-streams.js')
const { speedBetween } = require('./reporter.js')

class Overview {
  /** The last report of each thread that lives, and when it came. */
  #threads = new Map()
  /** Of threads that have ended. */
  #past = { counts: noCounts(), closedCount: 0, failedCount: 0 }
  #closedRows = []
  #last = { at: performance.now(), writtenBytes: 0 }
  #workerTimeout

  /** @param {number} workerTimeout after how many milliseconds the rows of a worker that tells nothing are left out: it is busy, or was terminated */
  constructor (workerTimeout) {
    this.#workerTimeout = workerTimeout
  }

  /** @param {ReturnType<import('./reporter.js').Reporter['report']>} report */
  add (report) {
    this.#closedRows.push(...report.closedRows)
    this.#threads.set(report.thread, { report, at: performance.now() })
  }

  /** The last report of a worker, whose streams end with it. */
  addLast (report) {
    this.#threads.delete(report.thread)
    this.#closedRows.push(...report.closedRows)
    this.#closedRows.push(...report.rows.map(row => ({ ...row, isClosed: true })))
    addReport(this.#past, report)
    this.#past.closedCount += report.rows.length
  }

  /** @returns what is to be shown now; closed streams are shown once */
  take () {
    const now = performance.now()
    const sums = { ...this.#past, counts: { ...this.#past.counts } }
    const rows = []
    for (const { report, at } of this.#threads.values()) {
      addReport(sums, report)
      if (now - at < this.#workerTimeout) rows.push(...report.rows)
    }
    const last = this.#last
    this.#last = { at: now, writtenBytes: sums.counts.writtenBytes }
    return {
      ...sums,
      openCount: rows.length,
      rows: [...rows, ...this.#closedRows.splice(0)],
      speed: speedBetween(last, this.#last)
    }
  }
}

function addReport (sums, { counts, closedCount, failedCount }) {
  addCounts(sums.counts, counts)
  sums.closedCount += closedCount
  sums.failedCount += failedCount
}

module.exports = Overview

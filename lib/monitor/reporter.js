'use strict'

// What one thread tells of its streams. A report is sent from workers to the
// main thread, so it is plain data.

const { performance } = require('node:perf_hooks')
const { threadId } = require('node:worker_threads')
const { OpenStreams, addCounts, noCounts } = require('../open-streams.js')

/** The most rows of closed streams that are kept for the next report: a program may close thousands in a second. */
const MOST_CLOSED = 100

class Reporter {
  #closedRows = []
  #closed = noCounts()
  #closedCount = 0
  #failedCount = 0
  /** When which entry was last told, and how many bytes it had written. */
  #last = new WeakMap()
  #streams = new OpenStreams(
    entry => this.#last.set(entry, { at: performance.now(), writtenBytes: 0 }),
    (entry, error) => this.#onEnd(entry, error)
  )

  stop () {
    this.#streams.stop()
  }

  /** @param {boolean} isLast whether this thread ends: what its streams have accepted is flushed by then */
  report (isLast) {
    const entries = this.#streams.read()
    const counts = { ...this.#closed }
    for (const { stats } of entries) addCounts(counts, stats)
    return {
      thread: threadId,
      rows: entries.map(entry => this.#row(entry, isLast)),
      closedRows: this.#closedRows.splice(0),
      closedCount: this.#closedCount,
      failedCount: this.#failedCount,
      counts
    }
  }

  #onEnd (entry, error) {
    addCounts(this.#closed, entry.stats)
    this.#closedCount++
    if (error !== null) this.#failedCount++
    this.#closedRows.push({ ...this.#row(entry, true), isClosed: true })
    if (this.#closedRows.length > MOST_CLOSED) this.#closedRows.shift()
  }

  /** @param {boolean} isOver whether Node is told no more what is written */
  #row (entry, isOver) {
    const { path, highWaterMark, stats } = entry
    const { acceptedBytes, writtenBytes, bufferedBytes } = stats
    return {
      thread: threadId,
      path,
      highWaterMark,
      ...stats,
      bufferedBytes: isOver ? Math.min(bufferedBytes, acceptedBytes - writtenBytes) : bufferedBytes,
      speed: this.#speed(entry),
      isClosed: false
    }
  }

  /** @returns {number} bytes a second since the last row */
  #speed (entry) {
    const { writtenBytes } = entry.stats
    const before = this.#last.get(entry)
    const now = { at: performance.now(), writtenBytes }
    this.#last.set(entry, now)
    return speedBetween(before, now)
  }
}

/** @returns {number} bytes a second */
function speedBetween (before, now) {
  return now.at > before.at ? 1000 * (now.writtenBytes - before.writtenBytes) / (now.at - before.at) : 0
}

module.exports = { Reporter, speedBetween }

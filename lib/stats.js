'use strict'

// What one stream has been through, counted where it costs nothing.

class Stats {
  falses = 0
  drains = 0
  /** The highest level before it last fell, in bytes. */
  peak = 0
  /** Since when the level is at the mark, in milliseconds; 0: it is not. */
  atMarkSince = 0
  timeAtMark = 0

  /** write() answers false. */
  reachMark () {
    this.falses++
    if (this.atMarkSince === 0) this.atMarkSince = performance.now()
  }

  /** The level has fallen from `level`. */
  fall (level, isBelowMark) {
    if (level > this.peak) this.peak = level
    if (this.atMarkSince === 0 || !isBelowMark) return
    this.timeAtMark += performance.now() - this.atMarkSince
    this.atMarkSince = 0
  }

  /**
   * @param {import('./inlet.js')} inlet
   * @returns {import('..').Stats}
   */
  show (inlet) {
    const { accepted, budget, ownWrites, sink, state, toldWrites, writes } = inlet
    const chunks = writes - ownWrites
    const written = inlet.readTaken()
    const calls = sink.calls()
    const stalls = inlet.readStalls()
    return {
      acceptedBytes: accepted,
      acceptedChunks: chunks,
      writtenBytes: written,
      writtenChunks: Math.min(toldWrites, chunks),
      droppedBytes: budget?.droppedBytes ?? 0,
      droppedChunks: budget?.droppedChunks ?? 0,
      level: state.length,
      peakLevel: Math.max(this.peak, state.length),
      falses: this.falses,
      drains: this.drains,
      timeAtMark: this.timeAtMark + (this.atMarkSince === 0 ? 0 : performance.now() - this.atMarkSince),
      writeCalls: calls,
      bytesPerCall: calls === 0 ? 0 : written / calls,
      stalls: Math.ceil(stalls / 2),
      lastError: (state.errored ?? inlet.lastStall)?.code ?? null
    }
  }
}

module.exports = Stats

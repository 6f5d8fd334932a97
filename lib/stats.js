'use strict'

// What one stream has been through, counted where it costs nothing.

const { performance } = require('node:perf_hooks')

class Stats {
  /** Chunks that were accepted, and those that Node was told are written. */
  acceptedChunks = 0
  writtenChunks = 0
  /** How often write() has returned false. */
  backpressureCount = 0
  drains = 0
  /** The most that was buffered before that last fell, in bytes. */
  peak = 0
  /** Since when the high-water mark is reached, in milliseconds; 0: it is not. */
  since = 0
  backpressureTime = 0

  /** write() returns false. */
  beginBackpressure () {
    this.backpressureCount++
    if (this.since === 0) this.since = performance.now()
  }

  /** `buffered` bytes will become fewer. */
  fall (buffered, isBelowMark) {
    if (buffered > this.peak) this.peak = buffered
    if (this.since === 0 || !isBelowMark) return
    this.backpressureTime += performance.now() - this.since
    this.since = 0
  }

  /**
   * @param {import('./carrier.js')} carrier
   * @returns {import('..').Stats}
   */
  snapshot ({ buffer, budget, isCompressed, lastStall, stream }) {
    const { control, sink } = buffer
    const bufferedBytes = stream.writableLength
    const writtenBytes = buffer.writtenAt(buffer.readSettled())
    const fileBytes = isCompressed ? sink.fileBytes() : writtenBytes
    const writeCalls = sink.calls()
    return {
      acceptedBytes: buffer.writtenAt(buffer.accepted),
      acceptedChunks: this.acceptedChunks,
      writtenBytes,
      writtenChunks: this.writtenChunks,
      fileBytes,
      compressionRatio: writtenBytes === 0 ? 1 : fileBytes / writtenBytes,
      droppedBytes: budget?.droppedBytes ?? 0,
      droppedChunks: budget?.droppedChunks ?? 0,
      bufferedBytes,
      peakBufferedBytes: Math.max(this.peak, bufferedBytes),
      backpressureCount: this.backpressureCount,
      drains: this.drains,
      backpressureTime: this.backpressureTime + (this.since === 0 ? 0 : performance.now() - this.since),
      writeCalls,
      bytesPerCall: writeCalls === 0 ? 0 : writtenBytes / writeCalls,
      stalls: Math.ceil(control.stalls / 2),
      lastError: (stream.errored ?? lastStall)?.code ?? null
    }
  }
}

module.exports = Stats

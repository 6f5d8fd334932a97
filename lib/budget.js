'use strict'

// A lid on memory: what happens to a chunk with which more than `budget` bytes
// would be buffered. What is buffered is `writableLength`.

const channels = require('./channels.js')
const errors = require('./errors.js')

/** Room, in bytes, for which `'block'` waits: a batch of the drainer's, so that its slabs are kept for use again. */
const SPARE = 1024 * 1024

class Budget {
  /**
   * @param {import('./inlet.js')} inlet
   * @param {{ budget: number, backpressure: string, blockTimeout: number }} options bytes, the policy, milliseconds
   */
  constructor (inlet, { budget, backpressure, blockTimeout }) {
    this.inlet = inlet
    this.bytes = budget
    this.policy = backpressure
    this.blockTimeout = blockTimeout
    this.droppedBytes = 0
    this.droppedChunks = 0
  }

  get room () {
    return this.bytes - this.inlet.state.length
  }

  /** Whether `chunk` may be taken in. If not, it has been refused by the policy. */
  admits (chunk, encoding, callback) {
    // No encoding makes more than three bytes of a UTF-16 unit.
    if ((typeof chunk === 'string' ? chunk.length * 3 : chunk.byteLength) <= this.room) return true
    const size = typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.byteLength
    if (size <= this.room) return true
    if (this.policy === 'block' && size <= this.bytes && this.waitFor(size)) return true
    this.refuse(size, callback)
    return false
  }

  /** Waits, JS thread and all, until there is room for `size` bytes. False: there is none in time. */
  waitFor (size) {
    const { inlet } = this
    inlet.settle()
    if (size <= this.room) return true
    // Room for more than this chunk: while JS fills it, the drainer writes the rest.
    const held = inlet.state.length - inlet.length
    const mayStay = this.bytes - Math.max(size, Math.min(this.bytes / 2, SPARE)) - held
    if (mayStay < 0) return false
    const fault = inlet.flushUntil(inlet.accepted - mayStay, this.blockTimeout)
    // Of a stream that has failed its callbacks are told.
    return size <= this.room || (fault !== null && inlet.hasFailed)
  }

  refuse (size, callback) {
    const isDropped = this.policy === 'drop-newest'
    // Who drops millions does not want an error for each.
    const error = isDropped && callback === undefined ? null : errors.overBudget(size, this.room)
    if (callback !== undefined) process.nextTick(callback, error)
    if (isDropped) this.drop(size)
    else this.inlet.failAfterAll(error)
  }

  drop (size) {
    const { stream } = this.inlet
    this.droppedBytes += size
    this.droppedChunks++
    if (channels.drop.hasSubscribers) channels.drop.publish({ stream, size })
    stream.emit('drop', size)
  }
}

module.exports = Budget

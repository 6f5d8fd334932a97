'use strict'

// A limit on memory: what happens to a chunk with which more than `budget`
// bytes would be buffered. What is buffered is `writableLength`.

const { Buffer } = require('node:buffer')
const { nextTick } = require('node:process')
const channels = require('./channels.js')
const { viewSize } = require('./chunk.js')
const errors = require('./errors.js')

/** Room, in bytes, for which `'block'` waits: a batch of Rust's, so that its slabs are kept for use again. */
const SPARE = 1024 * 1024

class Budget {
  /**
   * @param {import('./carrier.js')} carrier
   * @param {{ budget: number, backpressure: string }} options bytes, the policy
   */
  constructor (carrier, { budget, backpressure }) {
    this.carrier = carrier
    this.bytes = budget
    this.policy = backpressure
    this.droppedBytes = 0
    this.droppedChunks = 0
  }

  get room () {
    return this.bytes - this.carrier.state.length
  }

  /** Whether `chunk` may be taken in. If not, it has been refused by the policy. What can't be written is Node's to refuse. */
  admits (chunk, encoding, callback) {
    const { state } = this.carrier
    if (state.ending || state.destroyed || state.errored !== null) return true
    if (typeof chunk !== 'string' && !ArrayBuffer.isView(chunk)) return true
    if (encoding && !Buffer.isEncoding(encoding)) return true
    // No encoding makes more than three bytes of a UTF-16 unit.
    if ((typeof chunk === 'string' ? chunk.length * 3 : viewSize(chunk)) <= this.room) return true
    const size = typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding || state.defaultEncoding) : viewSize(chunk)
    if (size <= this.room) return true
    if (this.policy === 'block' && size <= this.bytes && this.waitFor(size)) return true
    this.refuse(size, typeof callback === 'function' ? callback : undefined)
    return false
  }

  /** Waits, JavaScript thread and all, until there is room for `size` bytes. False: there is none in time. */
  waitFor (size) {
    const { carrier } = this
    carrier.uncount()
    if (size <= this.room) return true
    // Room for more than this chunk: while JavaScript fills it, Rust writes the rest.
    const { buffer } = carrier
    const heldByNode = carrier.state.length - (buffer.memoryAt(buffer.accepted) - carrier.uncountedMemory)
    const mayStay = this.bytes - Math.max(size, Math.min(this.bytes / 2, SPARE)) - heldByNode
    if (mayStay < 0) return false
    carrier.opening.openEarly(false)
    const fault = carrier.ending.flushUntil(buffer.accepted - mayStay, false)
    // Of a stream that has failed its callbacks are told.
    return size <= this.room || (fault !== null && carrier.control.hasFailed)
  }

  refuse (size, callback) {
    const isDropped = this.policy === 'drop-newest'
    // A producer that drops millions of chunks does not want an error for each.
    const error = isDropped && callback === undefined ? null : errors.overBudget(size, this.room)
    if (callback !== undefined) nextTick(callback, error)
    if (isDropped) this.drop(size)
    else this.carrier.ending.failAfterFlush(error)
  }

  drop (size) {
    const { stream } = this.carrier
    this.droppedBytes += size
    this.droppedChunks++
    if (channels.drop.hasSubscribers) channels.drop.publish({ stream, size })
    stream.emit('drop', size)
  }
}

module.exports = Budget

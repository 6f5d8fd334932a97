'use strict'

// The fast lane of `write()`. While a write of Node's is under way, Node would
// only put a plain chunk into its buffer. In that state, and only then, the lane
// is open: the chunk goes straight into Rust's memory, and Node's buffer gets a
// token that stands for its bytes.
//
//   0 ───────── settled ───────── end ─────────── accepted
//     written             the write      tokens in
//                         under way      Node's buffer

const eventLoop = require('./event-loop.js')
const exit = require('./exit.js')
const node = require('./node-state.js')
const { sizeOf } = require('./write-buffer.js')

const { Token } = node

/** Bytes that a run may buffer before the file is open; then the gate is opened early, or a loop that never yields would fill the memory. */
const EARLY = 1024 * 1024

class Lane {
  /** @param {import('./carrier.js')} carrier */
  constructor (carrier) {
    this.carrier = carrier
    this.state = carrier.state
    this.buffer = carrier.buffer
    this.stats = carrier.stats
    this.isOpen = false
    /** The last token in Node's buffer, if it may grow. */
    this.token = null
    /** Chunks that Node has, by which writes show that went past the lane. */
    this.pendingChunks = 0
    /** From here on progress may not wait for the next alarm. */
    this.pollFrom = Math.min(this.state.highWaterMark / 2, EARLY)
    /** Whether a user waits for a chunk behind the write under way. */
    this.isAwaited = false
  }

  /** `stream.write()` */
  write (chunk, encoding, callback) {
    const { carrier: { budget }, state } = this
    if (budget !== null && !budget.admits(chunk, encoding, callback)) return !state.destroyed && this.checkBackpressure(0)
    const isOpen = this.isOpen && this.pendingChunks === node.pendingChunks(state)
    if (!isOpen && !this.open()) return this.writeByNode(chunk, encoding, callback)
    if (!encoding) encoding = state.defaultEncoding
    else if (encoding !== 'utf8' && !Buffer.isEncoding(encoding)) return this.writeByNode(chunk, encoding, callback)
    if (typeof chunk === 'string') return this.accept(this.buffer.appendString(chunk, encoding), callback)
    const size = sizeOf(chunk)
    if (size < 0) return this.writeByNode(chunk, encoding, callback)
    return this.accept(this.buffer.appendBytes(chunk, size), callback)
  }

  /** Opens the lane, if Node would put a chunk into its buffer now. @returns {boolean} whether it is open */
  open () {
    this.isOpen = false
    if (!this.mayAbsorb || this.state.ending) return false
    this.absorb()
    this.token = null
    this.pendingChunks = node.pendingChunks(this.state)
    this.isOpen = true
    eventLoop.activate(this.carrier)
    return true
  }

  close () {
    this.isOpen = false
    this.token = null
  }

  /** Whether Node's buffer may hold tokens: a write is under way, or the stream is not constructed. */
  get mayAbsorb () {
    const { carrier, state } = this
    return (carrier.requests.areUnderWay || !state.constructed) && node.mayBuffer(state) && !exit.isExiting() && carrier.isPlain
  }

  /** Puts tokens in the place of the chunks that Node holds: what was written first comes first. */
  absorb () {
    // Node's buffer still lists those that it hands over.
    if (this.carrier.requests.isBeginning) return
    for (const entry of node.chunksBehindTokens(this.state)) entry.chunk = new Token(this.take(entry.chunk))
  }

  /** Takes a chunk that Node has accepted. @returns {number} its bytes */
  take (chunk) {
    this.stats.acceptedChunks++
    return this.buffer.appendBytes(chunk, Math.max(sizeOf(chunk), 0))
  }

  /** Lets Node count `size` bytes that were put into the buffer. @returns {boolean} what write() returns */
  accept (size, callback) {
    const { carrier, state, stats, token } = this
    stats.acceptedChunks++
    const isTold = typeof callback === 'function'
    if (!isTold && token !== null) {
      node.grow(state, token, size)
      return state.length <= this.pollFrom || this.checkBackpressure(size)
    }
    const next = new Token(size)
    // None grows behind a callback: that would be called too late.
    this.token = isTold ? null : next
    carrier.own.nodeWrite.call(carrier.stream, next, undefined, callback)
    this.pendingChunks = node.pendingChunks(state)
    if (isTold) {
      this.isAwaited = true
      carrier.armWake()
    }
    return this.checkBackpressure(size)
  }

  /** Whether the producer may go on, now that `size` bytes more were accepted. If not, 'drain' is owed. */
  checkBackpressure (size) {
    const { buffer, carrier, state, stats } = this
    if (state.length > this.pollFrom) {
      eventLoop.pollNextTurn()
      const { opening } = carrier
      // The run has ignored that the buffer is full.
      if (!opening.isGateOpen && buffer.accepted - size >= EARLY) opening.openEarly(false)
    }
    if (node.mayContinue(state)) return true
    stats.beginBackpressure()
    carrier.armWake()
    return false
  }

  /** What is not for the lane. */
  writeByNode (chunk, encoding, callback) {
    const { carrier, state, stats } = this
    const mayContinue = carrier.own.nodeWrite.call(carrier.stream, chunk, encoding, callback)
    if (state.bufferedRequestCount > 0) {
      if (typeof callback === 'function') this.isAwaited = true
      this.onBuffered()
    }
    if (!mayContinue && state.needDrain) stats.beginBackpressure()
    return mayContinue
  }

  /** Node holds chunks: those behind a write under way need not wait for it. */
  onBuffered () {
    const { carrier } = this
    // For the end of the process, too.
    eventLoop.activate(carrier)
    if (exit.isExiting()) return exit.flushAll()
    this.close()
    if (this.mayAbsorb) this.absorb()
    carrier.armWake()
  }
}

module.exports = Lane

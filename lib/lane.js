'use strict'

// The fast lane of `write()`. While a write of Node's is under way, Node would
// only put a plain chunk into its buffer. In that state, and only then, the lane
// is open: the chunk goes straight into Rust's memory, and Node's buffer gets a
// token that stands for its bytes.
//
//   0 ───────── settled ───────── end ─────────── accepted
//     written             the write      tokens in
//                         under way      Node's buffer

const { Buffer } = require('node:buffer')
const { isUint8Array, memorySize, sizeOf } = require('./chunk.js')
const eventLoop = require('./event-loop.js')
const exit = require('./exit.js')
const node = require('./node-state.js')

const { PlacedToken, Token } = node

/** Bytes that a stream with the highest high-water marks buffers before progress is wanted. */
const POLL_FROM = 1024 * 1024

/** Whether Rust can have `chunk` in its place: it does not lie about its length. */
function mayBeTaken (chunk) {
  return chunk instanceof PlacedToken || sizeOf(chunk) >= 0
}

/** No number of chunks. */
const CLOSED = -1

class Lane {
  /** @param {import('./carrier.js')} carrier */
  constructor (carrier) {
    this.carrier = carrier
    this.state = carrier.state
    this.buffer = carrier.buffer
    this.stats = carrier.stats
    this.budget = carrier.budget
    /** The last token in Node's buffer, if it may grow. */
    this.token = null
    /** Chunks and flags of Node's as the lane has left them, by which all shows that went past it. */
    this.pendingChunks = CLOSED
    this.flags = 0
    /** From here on progress may not wait for the next alarm. */
    this.pollFrom = Math.min(this.state.highWaterMark / 2, POLL_FROM)
    /** Up to here write() only accepts: `pollFrom`, and more once a poll is due. */
    this.checkFrom = 0
    /** Whether a user waits for a chunk behind the write under way. */
    this.isAwaited = false
    /** Whether Node holds a chunk that says another length than it has: what is written of that depends on what Node hands over with it. */
    this.isBarred = false
  }

  /** `stream.write()` */
  write (chunk, encoding, callback) {
    const { budget, state } = this
    if (budget !== null && !budget.admits(chunk, encoding, callback)) return !state.destroyed && this.checkBackpressure()
    if (!this.isOpen && !this.open()) return this.writeByNode(chunk, encoding, callback)
    if (encoding && encoding !== 'utf8' && !Buffer.isEncoding(encoding)) return this.writeByNode(chunk, encoding, callback)
    let size
    if (typeof chunk === 'string') {
      size = this.buffer.appendString(chunk, encoding || state.defaultEncoding)
    } else {
      size = sizeOf(chunk)
      if (size < 0) return this.writeByNode(chunk, encoding, callback)
      this.buffer.appendBytes(chunk, size)
    }
    this.stats.acceptedChunks++
    // None grows behind a callback: that would be called too late.
    if (this.token === null || typeof callback === 'function') return this.push(new Token(size), callback)
    node.grow(state, this.token, size)
    return state.length <= this.checkFrom || this.checkBackpressure()
  }

  /** Whether nothing went past the lane since it was opened. */
  get isOpen () {
    const { state } = this
    return this.pendingChunks === node.pendingChunks(state) && this.flags === node.flagsOf(state) && state.corked === 0
  }

  /** Opens the lane, if Node would put a chunk into its buffer now. @returns {boolean} whether it is open */
  open () {
    this.close()
    if (!this.mayAbsorb || this.state.ending) return false
    this.absorb()
    if (this.isBarred) return false
    this.checkFrom = this.pollFrom
    this.remember()
    eventLoop.activate(this.carrier)
    return true
  }

  close () {
    this.pendingChunks = CLOSED
    this.token = null
  }

  remember () {
    this.pendingChunks = node.pendingChunks(this.state)
    this.flags = node.flagsOf(this.state)
  }

  /** Whether Node's buffer may hold tokens. */
  get mayAbsorb () {
    const { carrier, state } = this
    return !this.isBarred && (carrier.requests.areUnderWay || this.isBeforeFirst) && node.mayBuffer(state) && !exit.isExiting() && carrier.isPlain
  }

  /** Whether Node puts chunks into its buffer though no write of ours is under way: the stream is not constructed, or Node makes a first write that has no bytes. */
  get isBeforeFirst () {
    const { carrier: { ending, opening }, state } = this
    if (!state.constructed) return opening.mayTakeEarly
    return !opening.isGateOpen && !ending.isReleased && node.isWriting(state)
  }

  /**
   * Puts tokens in the place of the chunks that Node holds: what was written first comes first.
   * @param {boolean} [isLast] whether Node won't hand them over any more
   */
  absorb (isLast = false) {
    // Node's buffer still lists those that it hands over.
    if (this.carrier.requests.isBeginning || (this.isBarred && !isLast)) return
    for (const entry of node.chunksBehindTokens(this.state)) {
      this.isBarred = !isLast && !mayBeTaken(entry.chunk)
      if (this.isBarred) return
      const size = this.take(entry.chunk)
      if (!node.isQueued(entry.chunk)) entry.chunk = new Token(size)
    }
  }

  /** Takes a chunk that Node has accepted. @returns {number} its bytes in memory, whatever it says */
  take (chunk) {
    this.stats.acceptedChunks++
    if (chunk instanceof PlacedToken) return this.buffer.appendPlaced(chunk)
    return this.buffer.appendBytes(chunk, isUint8Array(chunk) ? memorySize(chunk) : 0)
  }

  /**
   * Has something done in its place among the chunks.
   * @param {PlacedToken} token
   * @param {(error?: Error | null) => void} callback called when it is done
   */
  place (token, callback) {
    if (!this.isOpen && !this.open()) return this.writeByNode(token, undefined, callback)
    this.take(token)
    this.push(token, callback)
  }

  /** Puts `token` into Node's buffer. @returns {boolean} what write() returns */
  push (token, callback) {
    const { carrier } = this
    const isTold = typeof callback === 'function'
    carrier.own.nodeWrite.call(carrier.stream, token, undefined, callback)
    this.token = isTold ? null : token
    this.remember()
    if (isTold) {
      this.isAwaited = true
      carrier.armWake()
    }
    return this.checkBackpressure()
  }

  /** Whether the producer may go on. If not, 'drain' is owed. */
  checkBackpressure () {
    const { state } = this
    if (state.length > this.pollFrom) {
      eventLoop.pollNextTurn()
      this.checkFrom = state.highWaterMark - 1
    }
    if (node.mayContinue(state)) return true
    this.beginBackpressure()
    return false
  }

  beginBackpressure () {
    this.stats.beginBackpressure()
    this.carrier.armWake()
  }

  /** What is not for the lane. */
  writeByNode (chunk, encoding, callback) {
    const { carrier, state } = this
    const mayContinue = carrier.own.nodeWrite.call(carrier.stream, chunk, encoding, callback)
    if (state.bufferedRequestCount > 0) {
      if (typeof callback === 'function') this.isAwaited = true
      this.onBuffered()
    }
    // Node owes 'drain' only from here on: `begin` did not know.
    if (!mayContinue && state.needDrain) this.beginBackpressure()
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

'use strict'

// The end of one stream: what was accepted is written or dropped, then Node may
// close the file. And the flushes, which come before the end of the process.

const { AsyncResource } = require('node:async_hooks')
const { nextTick } = require('node:process')
const errors = require('./errors.js')
const eventLoop = require('./event-loop.js')
const exit = require('./exit.js')
const io = require('./io-state.js')
const { Settled } = require('./native.js')
const node = require('./node-state.js')

/** Why a flush gave up, besides the failure of the stream. */
const [ENOTCONN, ETIMEDOUT] = ['ENOTCONN', 'ETIMEDOUT'].map(errors.errnoOf)

/** The callbacks of a stream that has none: thousands of streams share it. */
const NONE = Object.freeze([])

// What becomes of the bytes:
//
//   LIVE ─┬─▶ RELEASED ─────────────┬─▶ CLOSED
//         ├─▶ FLUSHING ─┬───────────┤
//         └─────────────┴▶ CANCELLED ┘
const LIVE = 0
/** All is written, and the descriptor let go of: what is written after all is Node's to write. */
const RELEASED = 1
/** The stream fails, but all that was accepted is written first. */
const FLUSHING = 2
/** What Node has not begun to write is dropped. */
const CANCELLED = 3
/** Nothing is written any more. */
const CLOSED = 4

class Ending {
  /**
   * @param {import('./carrier.js')} carrier
   * @param {number} flushTimeout milliseconds
   */
  constructor (carrier, flushTimeout) {
    this.carrier = carrier
    this.flushTimeout = flushTimeout
    this.phase = LIVE
    /** Whether Node has destroyed the stream, and waits until nothing is written any more. */
    this.isAwaited = false
    /** Node's, which waits until the stages have ended; null: nobody waits for that. */
    this.finalCallback = null
    /** Up to where all can be read of a file that is compressed, when what was accepted is settled; and up to where before that. */
    this.readableTo = 0
    this.readableBefore = 0
    /** To be called at the end, as `{ end, callback }`: `end` is the offset behind the chunk. */
    this.lateCallbacks = NONE
  }

  get isLive () {
    return this.phase === LIVE
  }

  get isReleased () {
    return this.phase === RELEASED
  }

  get isFlushing () {
    return this.phase === FLUSHING
  }

  get isCancelled () {
    return this.phase === CANCELLED
  }

  get isClosed () {
    return this.phase === CLOSED
  }

  /** `stream.end()` was called. */
  onEnd () {
    const { lane, state } = this.carrier
    lane.close()
    if (state.bufferedRequestCount > 0) lane.onBuffered()
    this.carrier.armWake()
    this.releaseIfAllWritten()
    // The turn in which the stages would end never comes.
    if (this.carrier.hasStages && exit.isExiting()) exit.flushAll()
  }

  /** Lets go of the descriptor before 'finish': the reader of a pipe waits for its end. Not if a subclass may have more to write. */
  releaseIfAllWritten () {
    const { buffer, isPlain, opening, requests, state, stream } = this.carrier
    const isAllWritten = state.ending && !requests.areUnderWay && state.bufferedRequestCount === 0 &&
      node.lengthBehindWrite(state) === 0 && buffer.readSettled() === buffer.accepted
    if (!isAllWritten || this.phase !== LIVE || !opening.isGateOpen || !isPlain || typeof stream._final === 'function') return
    this.phase = RELEASED
    buffer.sink.finish()
  }

  /** Node's `_final`, after the last write: the stages end. */
  final (callback) {
    const { carrier } = this
    const fault = carrier.opening.openGate()
    if (fault !== null) return callback(errors.writeFailed(fault))
    this.finalCallback = new AsyncResource('FSREQCALLBACK').bind(callback)
    eventLoop.ref()
    eventLoop.activate(carrier)
    carrier.buffer.sink.finish()
    carrier.lookLater()
  }

  endFinalIfOver () {
    const { carrier, finalCallback } = this
    if (finalCallback === null || !carrier.buffer.sink.isOver()) return
    this.finalCallback = null
    eventLoop.unref()
    const error = carrier.control.hasFailed ? carrier.failure : null
    if (error === null && !carrier.state.destroyed) this.phase = RELEASED
    finalCallback(error)
  }

  /** The file is none that Rust can write: Node does. */
  leaveToNode () {
    this.phase = RELEASED
    this.carrier.buffer.sink.cancel(0)
  }

  /** `stream.destroy()` was called: once more if `isAgain`, which ends a flush. */
  onDestroy (isAgain) {
    const { lane, opening, own, state, stream } = this.carrier
    lane.close()
    if (isAgain && this.isFlushing) this.endFlush()
    if (!this.isFlushing) opening.cancel()
    // A subclass closes the file itself.
    const isClosedElsewhere = stream._destroy !== own.destroy && state.constructed
    if (isClosedElsewhere && !this.isFlushing) this.destroy()
  }

  endFlush () {
    if (!this.isAwaited) {
      this.phase = LIVE
      return
    }
    this.cancel()
    this.carrier.lookLater()
  }

  /** Before Node's `_destroy`, which waits while something is written: drops what Node has not begun to write. */
  destroy () {
    const { carrier } = this
    const { lane, opening, requests, stream } = carrier
    if (this.isClosed || this.isAwaited) return
    lane.close()
    if (this.isReleased && this.isOver) return this.close()
    // What can't be opened can't be flushed.
    if (this.isFlushing && typeof stream.fd === 'number') opening.openGate()
    else if (!this.isReleased) this.cancel()
    if (!requests.areUnderWay && this.isOver) return this.close()
    this.isAwaited = true
    eventLoop.ref()
    eventLoop.activate(carrier)
    io.begin(stream)
    carrier.armWake()
  }

  cancel () {
    const { buffer, requests } = this.carrier
    this.phase = CANCELLED
    buffer.sink.cancel(requests.end)
  }

  /** Whether nothing is written any more, and nothing will be. */
  get isOver () {
    const { buffer, control } = this.carrier
    if (this.isFlushing) return buffer.readSettled() === buffer.accepted || control.hasFailed
    return buffer.sink.isOver()
  }

  /** Tells Node, if it waits for that, that nothing is written any more. */
  finishIfOver () {
    const { requests, stream } = this.carrier
    this.endFinalIfOver()
    if (!this.isAwaited || requests.areUnderWay || !this.isOver) return
    io.end(stream)
    this.finish(null)
  }

  /** Nothing is written any more: Node, which waits for that, may close the file. */
  finish (error) {
    if (this.isAwaited) eventLoop.unref()
    this.isAwaited = false
    this.close()
    this.carrier.stream.emit(io.done, error)
  }

  close () {
    const { carrier, lateCallbacks } = this
    const { buffer, control, stream } = carrier
    const settled = buffer.readSettled()
    // Node counts what it writes itself.
    if (!this.isReleased) stream.bytesWritten = buffer.writtenAt(settled)
    this.phase = CLOSED
    carrier.rotation?.end()
    buffer.sink.cancel(0)
    buffer.release()
    eventLoop.deactivate(carrier)
    carrier.callWaiters()
    this.lateCallbacks = NONE
    for (const { end, callback } of lateCallbacks) {
      callback(end <= settled ? null : control.hasFailed ? carrier.failure : errors.streamDestroyed())
    }
  }

  /** Ends the stream with `error`, but writes all that was accepted first. */
  failAfterFlush (error) {
    const { carrier } = this
    const { isPlain, lane, requests, state, stream } = carrier
    if (!state.autoDestroy) return this.emitError(error)
    if (isPlain) lane.absorb(true)
    this.makeReadable()
    this.phase = FLUSHING
    // Node would tell them at once that their bytes are lost.
    const late = []
    let end = Math.max(requests.end, carrier.uncounted)
    for (const entry of state.getBuffer()) {
      end += node.extentOf(entry.chunk)
      late.push({ end, callback: entry.callback })
      entry.callback = () => {}
    }
    this.lateCallbacks = late
    stream.destroy(error)
  }

  /** Tells an error of a stream that stays open, once. Within write() nothing is emitted. */
  emitError (error) {
    const { state, stream } = this.carrier
    nextTick(() => {
      if (state.destroyed || state.errorEmitted) return
      state.errorEmitted = true
      stream.emit('error', error)
    })
  }

  /** Writes all that was accepted before it returns, or throws why it can't. */
  flushSync () {
    const { carrier } = this
    const { buffer, isPlain, lane, opening, state, stream } = carrier
    if (isPlain && !state.destroyed) lane.absorb()
    if (node.chunksBehindTokens(state).length > 0) throw errors.invalidState('Node holds chunks of this stream that can\'t be written yet')
    this.makeReadable()
    if (buffer.accepted === buffer.readSettled()) {
      if (!this.isClosed) carrier.uncount()
      return
    }
    if (state.destroyed) throw stream.errored ?? errors.streamDestroyed('flushSync')
    opening.openEarly(false)
    const fault = this.flushUntil(buffer.accepted, true)
    if (fault === null) return
    if (fault.errno === ENOTCONN) throw opening.failure ?? errors.invalidState('the file is not open yet')
    throw errors.writeFailed(fault.errno === ETIMEDOUT && carrier.isStalled ? buffer.sink.stall() : fault)
  }

  /** What is compressed is to be readable up to here. */
  makeReadable () {
    const { buffer, isCompressed } = this.carrier
    if (!isCompressed || this.phase !== LIVE || buffer.accepted === this.readableTo) return
    if (buffer.readSettled() >= this.readableTo) this.readableBefore = this.readableTo
    buffer.appendPlaced(new node.BarrierToken(Settled.Written))
    this.readableTo = buffer.accepted
  }

  /** Waits until the bytes up to `offset` are written, or writes them here. @returns the fault, or null */
  flushUntil (offset, here) {
    const { carrier } = this
    const fault = carrier.buffer.sink.flush(offset, this.flushTimeout, here)
    carrier.uncount()
    return fault
  }

  /**
   * Before the last flush: takes what Node holds, and opens the file.
   * @param {boolean} isLast whether that, too, which Node was to open: it won't any more
   */
  prepareFlush (isLast) {
    const { buffer, hasStages, isPlain, lane, opening, state } = this.carrier
    if (this.isClosed) return
    if (state.destroyed && !this.isFlushing) return this.cancel()
    // Each write that still comes is to be flushed by itself.
    lane.close()
    // The old file stays, unless the new one is whole: a listener for 'exit' may still end it.
    if (opening.atomic !== null && !state.ending) return
    if (isPlain) lane.absorb(true)
    if (buffer.accepted > 0 || opening.atomic !== null) opening.openEarly(isLast)
    this.makeReadable()
    // Nothing more comes: also what comes at the end is written.
    if (hasStages && state.ending) buffer.sink.finish()
  }

  /** After the last flush: drops what could not be written. @returns what that is */
  abandon () {
    const { unwritten } = this
    if (unwritten !== null) this.carrier.buffer.sink.cancel(0)
    return unwritten
  }

  /** What is still to be written, for all that anybody has said. @returns {{ bytes: number, sources: number } | null} null: nothing */
  get unwritten () {
    const { buffer, control, isCompressed, opening, state } = this.carrier
    if (this.isClosed || this.isCancelled || control.hasFailed) return null
    // Nobody has said that they are all.
    if (opening.atomic !== null && !state.ending) return null
    const settled = buffer.readSettled()
    if (settled === buffer.accepted) return null
    // What is taken in the middle of a block can't be read.
    return buffer.behind(isCompressed ? this.readableBefore : settled)
  }
}

module.exports = Ending

'use strict'

// Carries what Node's Writable writes to Rust, and tells Node when it is
// written. Node decides everything that a program can see: the order, callbacks,
// events, errors.
//
// Node has at most one write under way, which it hands over by `_write` or
// `_writev` (`begin`) and of which it is told in a turn of its own (`complete`). What
// comes meanwhile Node would only put into its buffer. In that state, and only
// then, the lane is open: `write()` puts a plain chunk straight into Rust's memory,
// and Node's buffer gets a token that stands for its bytes.
//
//   0 ───────── settled ───────── end ─────────── accepted
//     written             the write      tokens in
//                         under way      Node's buffer

const { AsyncResource } = require('node:async_hooks')
const { nextTick } = require('node:process')
const { setImmediate } = require('node:timers')
const Budget = require('./budget.js')
const channels = require('./channels.js')
const { ControlBlock, NONE, LAZY, EAGER } = require('./control-block.js')
const errors = require('./errors.js')
const eventLoop = require('./event-loop.js')
const exit = require('./exit.js')
const io = require('./io-state.js')
const node = require('./node-state.js')
const Opening = require('./opening.js')
const Stats = require('./stats.js')
const { WriteBuffer, sizeOf } = require('./write-buffer.js')

const { Token } = node
/** What an idle stream holds of all that is listed: thousands of streams share it. */
const NOTHING = Object.freeze([])

/** Bytes that a run may buffer before the file is open; then the gate is opened early, or a loop that never yields would fill the memory. */
const EARLY = 1024 * 1024

/** Why a flush gave up, besides the failure of the stream. */
const [ENOTCONN, ETIMEDOUT] = ['ENOTCONN', 'ETIMEDOUT'].map(errors.errnoOf)

/** One write of Node's: carries its async context, as the request of `fs.write` does. */
class WriteRequest extends AsyncResource {
  /**
   * @param {{ chunk: Uint8Array | Token, callback?: Function }[]} chunks
   * @param {number} end offset behind the last of them
   * @param {number} count chunks that were accepted by then
   * @param {'write' | 'writev'} method what `fs` would be asked for
   * @param {(error: Error | null) => void} callback Node's
   */
  constructor (chunks, end, count, method, callback) {
    super('FSREQCALLBACK')
    this.chunks = chunks
    this.end = end
    this.count = count
    this.method = method
    this.callback = callback
    /** Why it can't even be begun. */
    this.error = null
    /** Whether a user waits for it. */
    this.isAwaited = false
  }
}

class Carrier {
  /**
   * @param {import('./write-stream.js')} stream
   * @param {object} options as lib/options.js makes them
   * @param {object} own Node's class, its `write`, and our methods: see lib/write-stream.js
   */
  constructor (stream, options, own) {
    this.number = eventLoop.nextNumber()
    this.stream = stream
    this.state = stream._writableState
    this.own = own
    const control = new ControlBlock(eventLoop.hub.create(this.number, options))
    this.control = control
    this.buffer = new WriteBuffer(control)
    this.opening = new Opening(stream, control, own, options.fs)
    this.lowWaterMark = options.lowWaterMark ?? 0
    /** From here on progress may not wait for the next alarm. */
    this.pollFrom = Math.min(stream.writableHighWaterMark / 2, EARLY)
    this.budget = options.backpressure == null ? null : new Budget(this, options)
    this.flushTimeout = options.blockTimeout
    /** Whether Node is told of a write within a promise reaction, as a FileHandle does it. */
    this.isHandle = typeof options.fd === 'object' && options.fd !== null
    this.stats = new Stats()
    /** Stalls begun and ended that were told, and the error of the last. */
    this.stalls = 0
    this.lastStall = null

    // The lane.
    this.isLaneOpen = false
    /** The last token in Node's buffer, if it may grow. */
    this.token = null
    /** Chunks that Node has, by which writes show that went past the lane. */
    this.pendingChunks = 0
    this.isBeginning = false

    /** Writes of Node's that are under way, in their order: more than one if a subclass calls `_write` twice. */
    this.requests = NOTHING
    /** Offset behind the last of them that was begun, and the chunks by then. */
    this.begun = 0
    this.begunChunks = 0
    this.isLooking = false
    /** Whether a user waits for a chunk behind the write under way. */
    this.isNextAwaited = false
    /** What was accepted by the last poll. */
    this.polled = 0
    /** Offset up to which Node no longer counts the bytes, and the first token that it still counts. */
    this.uncounted = 0
    this.firstCounted = 0

    /** Node has destroyed the stream, and waits until nothing is written any more. */
    this.isDestroying = false
    this.isCancelled = false
    /** The stream fails, but all that was accepted is written first. Then come these callbacks, as { end, callback }. */
    this.isFlushing = false
    this.lateCallbacks = NOTHING
    /** The descriptor is let go of: what is written after all is Node's to write. */
    this.isReleased = false
    this.isClosed = false
  }

  // ---- the lane

  /** `stream.write()` */
  write (chunk, encoding, callback) {
    const { state } = this
    if (this.budget !== null && !this.budget.admits(chunk, encoding, callback)) return !state.destroyed && this.checkBackpressure(0)
    const isOpen = this.isLaneOpen && this.pendingChunks === node.pendingChunks(state)
    if (!isOpen && !this.openLane()) return this.writeByNode(chunk, encoding, callback)
    if (!encoding) encoding = state.defaultEncoding
    else if (encoding !== 'utf8' && !Buffer.isEncoding(encoding)) return this.writeByNode(chunk, encoding, callback)
    if (typeof chunk === 'string') return this.accept(this.buffer.appendString(chunk, encoding), callback)
    const size = sizeOf(chunk)
    if (size < 0) return this.writeByNode(chunk, encoding, callback)
    return this.accept(this.buffer.appendBytes(chunk, size), callback)
  }

  /** Whether a chunk that Node hands over is for Rust. */
  takes (chunk) {
    return chunk instanceof Token || (!this.isReleased && sizeOf(chunk) >= 0)
  }

  /** Opens the lane, if Node would put a chunk into its buffer now. @returns {boolean} whether it is open */
  openLane () {
    this.isLaneOpen = false
    if (!this.mayAbsorb() || this.state.ending) return false
    this.absorb()
    this.token = null
    this.pendingChunks = node.pendingChunks(this.state)
    this.isLaneOpen = true
    eventLoop.activate(this)
    return true
  }

  closeLane () {
    this.isLaneOpen = false
    this.token = null
  }

  /** Whether Node's buffer may hold tokens: a write is under way, or the stream is not constructed. */
  mayAbsorb () {
    const { requests, state } = this
    return (requests.length > 0 || !state.constructed) && node.mayBuffer(state) && !exit.isExiting() && this.isPlain
  }

  /** Whether no subclass and no patch wants to see each chunk. */
  get isPlain () {
    const { own, stream } = this
    return stream._write === own.write && stream._writev === own.writev && node.isKnown
  }

  /** Puts tokens in the place of the chunks that Node holds: what was written first comes first. */
  absorb () {
    // Node's buffer still lists those that it hands over.
    if (this.isBeginning) return
    for (const entry of node.chunksBehindTokens(this.state)) entry.chunk = new Token(this.take(entry.chunk))
  }

  take (chunk) {
    this.stats.acceptedChunks++
    return this.buffer.appendBytes(chunk, Math.max(sizeOf(chunk), 0))
  }

  /** Lets Node count `size` bytes that were put into the buffer. @returns {boolean} what write() returns */
  accept (size, callback) {
    const { state, stats, token } = this
    stats.acceptedChunks++
    const isTold = typeof callback === 'function'
    if (!isTold && token !== null) {
      node.grow(state, token, size)
      return state.length <= this.pollFrom || this.checkBackpressure(size)
    }
    const next = new Token(size)
    // None grows behind a callback: that would be called too late.
    this.token = isTold ? null : next
    this.own.nodeWrite.call(this.stream, next, undefined, callback)
    this.pendingChunks = node.pendingChunks(state)
    if (isTold) {
      this.isNextAwaited = true
      this.armWake()
    }
    return this.checkBackpressure(size)
  }

  /** Whether the producer may go on, now that `size` bytes more were accepted. If not, 'drain' is owed. */
  checkBackpressure (size) {
    const { buffer, opening, state } = this
    if (state.length > this.pollFrom) {
      eventLoop.pollNextTurn()
      // The run has ignored that the buffer is full.
      if (!opening.isGateOpen && buffer.accepted - size >= EARLY) opening.openEarly(false)
    }
    if (node.mayContinue(state)) return true
    this.stats.beginBackpressure()
    this.armWake()
    return false
  }

  /** What is not for the lane. */
  writeByNode (chunk, encoding, callback) {
    const { state, stats } = this
    const mayContinue = this.own.nodeWrite.call(this.stream, chunk, encoding, callback)
    if (state.bufferedRequestCount > 0) {
      if (typeof callback === 'function') this.isNextAwaited = true
      this.onBuffered()
    }
    if (!mayContinue && state.needDrain) stats.beginBackpressure()
    return mayContinue
  }

  /** Node holds chunks: those behind a write under way need not wait for it. */
  onBuffered () {
    // For the end of the process, too.
    eventLoop.activate(this)
    if (exit.isExiting()) return exit.flushAll()
    this.closeLane()
    if (this.mayAbsorb()) this.absorb()
    this.armWake()
  }

  // ---- Node's writes

  /**
   * Node's `_write` and `_writev`: `callback` is called when `chunks` are written.
   * @returns {'write' | 'writev' | undefined} what Node is to call itself, since there are no bytes
   */
  begin (chunks, callback) {
    const { buffer, opening, stats, stream } = this
    this.closeLane()
    this.isBeginning = true
    for (const { chunk } of chunks) if (!(chunk instanceof Token)) this.take(chunk)
    this.isBeginning = false
    const end = buffer.accepted
    // A token may stand for several chunks.
    const method = stats.acceptedChunks - this.begunChunks > 1 ? 'writev' : 'write'
    this.begunChunks = stats.acceptedChunks
    if (end === this.begun) return method
    const request = new WriteRequest(chunks, end, stats.acceptedChunks, method, callback)
    request.isAwaited = node.hasCallback(this.state)
    const fault = opening.openGate()
    if (stream.pos !== undefined) stream.pos += end - this.begun
    this.begun = end
    io.begin(stream)
    if (fault !== null) request.error = errors.writeFailed(fault)
    this.requests = [...this.requests, request]
    this.isNextAwaited = false
    this.firstCounted = 0
    eventLoop.ref()
    eventLoop.activate(this)
    if (exit.isExiting()) exit.flushAll()
    else this.armWake()
  }

  /** Whether Node can be told of `request`. */
  isDone (request) {
    return request.error !== null || this.buffer.readSettled() >= request.end || this.control.hasFailed ||
      (this.isCancelled && this.buffer.sink.isOver())
  }

  /** Whether somebody would notice that the first write is done. */
  get isWaitedFor () {
    const { requests, state } = this
    return requests[0].isAwaited || this.isNextAwaited || state.needDrain || state.ending || state.destroyed || !this.isPlain
  }

  /** Looks at the stream, in a turn of its own that is that of its first write: an error that is thrown there belongs to its domain, too. */
  lookLater () {
    if (this.isLooking) return
    this.isLooking = true
    const [request] = this.requests
    const look = () => {
      this.isLooking = false
      this.look(() => this.complete(request))
    }
    if (request === undefined) eventLoop.setImmediate(look)
    else request.runInAsyncScope(setImmediate, undefined, look)
  }

  /** Tells Node that its first write is done, or has failed. @param {WriteRequest} [current] the one in whose async context this runs */
  complete (current) {
    const [request, ...others] = this.requests
    this.requests = others.length === 0 ? NOTHING : others
    this.closeLane()
    // Before callbacks, in which a program may do with its memory what it likes.
    this.buffer.unpin()
    const error = this.outcomeOf(request)
    if (error !== null && !this.stream.destroyed) this.spareCallbacks(request)
    this.countWritten(request, error)
    this.releaseIfEnded()
    eventLoop.unref()
    const tell = () => this.tell(request, error)
    const tellInTime = this.isHandle ? () => { Promise.resolve().then(tell) } : tell
    if (request === current) tellInTime()
    else request.runInAsyncScope(tellInTime)
  }

  /** The error of `request`, as `fs.write` would have it, or null. */
  outcomeOf (request) {
    const { buffer, control, stream } = this
    const isWritten = request.error === null && buffer.readSettled() >= request.end
    const error = isWritten ? null : request.error ?? (control.hasFailed ? this.failure() : null)
    if (error !== null || this.isFlushing) return error
    return stream.destroyed || !isWritten ? errors.streamDestroyed(request.method) : null
  }

  failure () {
    return errors.writeFailed(this.buffer.sink.fault())
  }

  /** The callbacks of chunks that were written before the error are told so. */
  spareCallbacks ({ chunks, end }) {
    const settled = this.buffer.readSettled()
    for (let at = chunks.length - 1; at >= 0; at--) {
      const entry = chunks[at]
      const { callback } = entry
      if (end <= settled && callback !== undefined) entry.callback = () => callback(null)
      end -= entry.chunk.length
    }
  }

  countWritten (request, error) {
    const { buffer, state, stats, stream } = this
    const isOver = error !== null || stream.destroyed
    stream.bytesWritten = isOver ? buffer.readSettled() : Math.max(stream.bytesWritten, request.end)
    if (request.end > this.uncounted) this.uncounted = request.end
    if (error === null) stats.writtenChunks = request.count
    const length = node.lengthBehindWrite(state)
    stats.fall(state.length, length < state.highWaterMark)
    if (error === null && node.isDrainDue(state, length, 0)) this.countDrain()
  }

  countDrain () {
    this.stats.drains++
    if (channels.drain.hasSubscribers) channels.drain.publish({ stream: this.stream })
  }

  tell (request, error) {
    const { stream } = this
    if (this.requests.length === 0 && !(this.isFlushing && this.isDestroying)) {
      io.end(stream)
      const isDestroyed = stream.destroyed
      request.callback(error)
      if (isDestroyed) this.close(error)
      return
    }
    request.callback(error)
    this.finishFlush()
    if (this.requests.length > 0 && this.isDone(this.requests[0]) && this.isWaitedFor) this.lookLater()
  }

  // ---- progress

  /** Requests Rust's call for what somebody waits for. */
  armWake () {
    const { buffer, control, requests, state } = this
    if (control.wake === EAGER) return
    let offset
    if (requests.length === 0) {
      if (!this.isDestroying) return
      offset = buffer.accepted
    } else if (requests[0].error !== null) return this.lookLater()
    else if (requests[0].isAwaited || !this.isPlain) offset = requests[0].end
    else if (state.ending || state.destroyed || this.isNextAwaited) offset = buffer.accepted
    else if (state.needDrain) offset = Math.max(requests[0].end, buffer.accepted - this.lowWaterMark)
    else return
    if (!control.wakeAt(offset, buffer.accepted, EAGER)) {
      control.wake = NONE
      this.lookLater()
    }
  }

  /** Rust has called. */
  onWake () {
    this.control.noteWake()
    this.lookLater()
  }

  /** At no call of Rust's, among other streams. */
  poll (isAlarm) {
    this.look(() => this.isWaitedFor ? this.lookLater() : this.complete())
    if (isAlarm) this.goIdle()
  }

  /** Looks how far Rust has come; `complete` is called if the first write is done. */
  look (complete) {
    if (this.isClosed) return
    if (this.stalls < this.control.stalls) this.requests.at(0)?.runInAsyncScope(this.tellStalls, this)
    if (this.isClosed) return
    if (this.requests.length > 0) {
      if (this.isDone(this.requests[0])) return complete()
      this.noteProgress()
    }
    this.finishFlush()
    this.buffer.unpin()
    this.armWake()
    this.keepPolled()
  }

  /** A stuck pipe shows that it takes something in `bytesWritten`, within the write under way. */
  noteProgress () {
    const { buffer, requests: [request], stream } = this
    const settled = Math.min(buffer.readSettled(), request.end)
    if (settled > stream.bytesWritten) stream.bytesWritten = settled
    if (this.lowWaterMark > 0 && this.state.needDrain) request.runInAsyncScope(this.drainEarly, this)
  }

  /** 'drain' at the low-water mark, which Node does not know. */
  drainEarly () {
    const { state, stream } = this
    this.uncount()
    if (!node.isDrainDue(state, state.length, this.lowWaterMark)) return
    node.settleDrain(state)
    this.countDrain()
    stream.emit('drain')
  }

  /** A stream that is written to is polled. Of one that has stopped Rust tells when more is written. */
  keepPolled () {
    const { buffer, control } = this
    if (this.polled !== buffer.accepted) {
      this.polled = buffer.accepted
      eventLoop.activate(this)
    } else if (control.wake === NONE && this.requests.length > 0) {
      const offset = Math.min(this.requests[0].end, buffer.readSettled() + Math.max(1, this.pollFrom))
      if (!control.wakeAt(offset, buffer.accepted, LAZY)) {
        control.wake = NONE
        eventLoop.activate(this)
      }
    }
  }

  /** An idle stream holds no memory and costs no turn. */
  goIdle () {
    const { buffer, control, opening, requests, state } = this
    if (requests.length > 0 || opening.callback !== null || this.isDestroying || state.bufferedRequestCount > 0) return
    // More may come soon: Rust looks at the slab for a while.
    if (buffer.slab !== null && opening.isGateOpen && !control.isAsleep) return eventLoop.activate(this)
    if (buffer.slab !== null && buffer.readSettled() < buffer.accepted) return
    buffer.release()
    eventLoop.deactivate(this)
  }

  tellStalls () {
    const { buffer, control, stream } = this
    const { stalls } = control
    while (this.stalls < stalls && !this.isClosed) {
      if (this.stalls++ % 2 === 1) {
        stream.emit('unstall')
        continue
      }
      this.lastStall = errors.writeFailed(buffer.sink.stall())
      if (channels.stall.hasSubscribers) channels.stall.publish({ stream, error: this.lastStall })
      stream.emit('stall', this.lastStall)
    }
  }

  get isStalled () {
    return this.control.stalls % 2 === 1
  }

  /** Node counts what is written by now no longer: not only from the next turn on. */
  uncount () {
    const { buffer, state, stats, stream } = this
    buffer.unpin()
    const settled = buffer.readSettled()
    if (settled > stream.bytesWritten) stream.bytesWritten = settled
    if (settled <= this.uncounted) return
    const before = state.length
    this.firstCounted = node.reduce(state, settled - this.uncounted, this.firstCounted)
    this.uncounted = settled
    stats.fall(before, state.length < state.highWaterMark)
  }

  // ---- the end

  /** `stream.end()` was called. */
  onEnd () {
    this.closeLane()
    if (this.state.bufferedRequestCount > 0) this.onBuffered()
    this.armWake()
    this.releaseIfEnded()
  }

  /** Lets go of the descriptor before 'finish': the reader of a pipe waits for its end. Not if a subclass may have more to write. */
  releaseIfEnded () {
    const { buffer, opening, requests, state, stream } = this
    const isAllWritten = state.ending && requests.length === 0 && state.bufferedRequestCount === 0 &&
      node.lengthBehindWrite(state) === 0 && buffer.readSettled() === buffer.accepted
    if (!isAllWritten || !opening.isGateOpen || !this.isPlain || typeof stream._final === 'function') return
    this.isReleased = true
    buffer.sink.cancel(buffer.accepted)
  }

  /** Before Node's `_destroy`, which waits while something is written: drops what Node has not begun to write. */
  destroy () {
    const { buffer, opening, stream } = this
    if (this.isClosed || this.isDestroying) return
    this.closeLane()
    // What can't be opened can't be flushed.
    if (this.isFlushing && typeof stream.fd === 'number') {
      opening.openGate()
    } else {
      this.isCancelled = true
      buffer.sink.cancel(this.begun)
    }
    if (this.requests.length > 0 || !this.isOver) {
      this.isDestroying = true
      eventLoop.ref()
      eventLoop.activate(this)
      io.begin(stream)
      this.armWake()
    } else {
      this.release()
    }
  }

  /** Whether nothing is written any more, and nothing will be. */
  get isOver () {
    const { buffer, control } = this
    if (this.isFlushing && !this.isCancelled) return buffer.readSettled() === buffer.accepted || control.hasFailed
    return buffer.sink.isOver()
  }

  /** Tells Node, if it waits for that, that nothing is written any more. */
  finishFlush () {
    if (!this.isDestroying || this.requests.length > 0 || !this.isOver) return
    io.end(this.stream)
    this.close(null)
  }

  /** Nothing is written any more: Node, which waits for that, may close the file. */
  close (error) {
    if (this.isDestroying) eventLoop.unref()
    this.isDestroying = false
    this.release()
    this.stream.emit(io.done, error)
  }

  release () {
    const { buffer, lateCallbacks, stream } = this
    const settled = buffer.readSettled()
    this.isClosed = true
    stream.bytesWritten = settled
    buffer.sink.cancel(0)
    buffer.release()
    eventLoop.deactivate(this)
    this.lateCallbacks = NOTHING
    for (const { end, callback } of lateCallbacks) {
      callback(end <= settled ? null : this.control.hasFailed ? this.failure() : errors.streamDestroyed())
    }
  }

  /** `stream.destroy()` was called: once more if `isAgain`, which waits for nothing. */
  onDestroy (isAgain) {
    this.closeLane()
    if (isAgain) this.isFlushing = false
    if (!this.isFlushing) this.opening.cancel()
    // A subclass closes the file itself.
    const isClosedElsewhere = this.stream._destroy !== this.own.destroy && this.state.constructed
    if (isClosedElsewhere && !this.isFlushing) this.destroy()
    if (isAgain && this.isDestroying) {
      this.isCancelled = true
      this.buffer.sink.cancel(0)
      this.lookLater()
    }
  }

  /** Ends the stream with `error`, but writes all that was accepted first. */
  failAfterFlush (error) {
    const { state, stream } = this
    if (!state.autoDestroy) return this.emitError(error)
    this.isFlushing = true
    if (this.isPlain) this.absorb()
    // Node would tell them at once that their bytes are lost.
    const late = []
    let end = Math.max(this.begun, this.uncounted)
    for (const entry of state.getBuffer()) {
      end += entry.chunk.length
      late.push({ end, callback: entry.callback })
      entry.callback = () => {}
    }
    this.lateCallbacks = late
    stream.destroy(error)
  }

  /** Tells an error of a stream that stays open, once. Within write() nothing is emitted. */
  emitError (error) {
    const { state, stream } = this
    nextTick(() => {
      if (state.destroyed || state.errorEmitted) return
      state.errorEmitted = true
      stream.emit('error', error)
    })
  }

  // ---- flushes

  /** Writes all that was accepted before it returns, or throws why it can't. */
  flushSync () {
    const { buffer, state, stream } = this
    if (this.isPlain && !state.destroyed) this.absorb()
    if (node.chunksBehindTokens(state).length > 0) throw errors.invalidState('Node holds chunks of this stream that can\'t be written yet')
    if (buffer.accepted === buffer.readSettled()) {
      if (!this.isClosed) this.uncount()
      return
    }
    if (state.destroyed) throw stream.errored ?? errors.streamDestroyed('flushSync')
    this.opening.openEarly(false)
    const fault = this.flushUntil(Infinity, this.flushTimeout)
    if (fault === null) return
    if (fault.errno === ENOTCONN) throw errors.invalidState('the file is not open yet')
    throw errors.writeFailed(fault.errno === ETIMEDOUT && this.isStalled ? buffer.sink.stall() : fault)
  }

  /** Writes on this thread until the bytes up to `offset` are written. @returns the fault, or null */
  flushUntil (offset, timeout) {
    const fault = this.buffer.sink.flush(offset, timeout)
    this.uncount()
    return fault
  }

  /** Before the last flush: takes what Node holds, and opens what Node was to open. */
  prepareFlush () {
    const { buffer, opening, state } = this
    if (this.isClosed) return
    if (state.destroyed && !this.isFlushing) {
      this.isCancelled = true
      buffer.sink.cancel(this.begun)
      return
    }
    if (this.isPlain) this.absorb()
    if (buffer.accepted > 0) opening.openEarly(true)
  }

  /** After the last flush: drops what could not be written. @returns {number} its bytes */
  abandon () {
    const { buffer } = this
    const lost = this.isClosed || this.isCancelled || this.control.hasFailed ? 0 : buffer.accepted - buffer.readSettled()
    if (lost > 0) buffer.sink.cancel(0)
    return lost
  }
}

module.exports = Carrier

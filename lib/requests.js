'use strict'

// Node's writes. Node has at most one under way, which it hands over by `_write`
// or `_writev` (`begin`) and of which it is told in a turn of its own (`complete`).

const { AsyncResource } = require('node:async_hooks')
const { setImmediate } = require('node:timers')
const channels = require('./channels.js')
const errors = require('./errors.js')
const eventLoop = require('./event-loop.js')
const exit = require('./exit.js')
const io = require('./io-state.js')
const node = require('./node-state.js')

/** The list of a stream that writes nothing: thousands of idle streams share it. */
const NONE = Object.freeze([])

/** One write of Node's: carries its async context, as the request of `fs.write` does. */
class WriteRequest extends AsyncResource {
  /**
   * @param {{ chunk: Uint8Array | import('./node-state.js').Token, callback?: Function }[]} chunks
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

  /** Calls `look` in a turn of its own, which is the request's: an error that is thrown there belongs to its domain, too. */
  lookLater (look) {
    this.runInAsyncScope(setImmediate, undefined, look)
  }

  /** The callbacks of chunks that were written, up to `settled`, before the error are told so. */
  spareCallbacks (settled) {
    let { chunks, end } = this
    for (let at = chunks.length - 1; at >= 0; at--) {
      const entry = chunks[at]
      const { callback } = entry
      if (end <= settled && callback !== undefined) entry.callback = () => callback(null)
      end -= node.extentOf(entry.chunk)
    }
  }
}

class Requests {
  /**
   * @param {import('./carrier.js')} carrier
   * @param {boolean} isHandle whether Node is told of a write within a promise reaction, as a FileHandle does it
   */
  constructor (carrier, isHandle) {
    this.carrier = carrier
    this.isHandle = isHandle
    /** Under way, in their order: more than one if a subclass calls `_write` twice. */
    this.list = NONE
    this.isBeginning = false
    /** Offset behind the last that was begun, the bytes of memory and the chunks by then. */
    this.end = 0
    this.memory = 0
    this.chunks = 0
    /** Bytes of other descriptors that `stream.pos` knows of. */
    this.copied = 0
  }

  get areUnderWay () {
    return this.list.length > 0
  }

  /** @returns {WriteRequest | undefined} of those that are under way */
  get first () {
    return this.list[0]
  }

  /**
   * Node's `_write` and `_writev`: `callback` is called when `chunks` are written.
   * @returns {'write' | 'writev' | undefined} what Node is to call itself, since there are no bytes
   */
  begin (chunks, callback) {
    const { carrier } = this
    const { buffer, lane, opening, state, stats, stream } = carrier
    lane.close()
    lane.isBarred = false
    this.isBeginning = true
    for (const { chunk } of chunks) if (!node.isQueued(chunk)) lane.take(chunk)
    this.isBeginning = false
    const end = buffer.accepted
    // A token may stand for several chunks.
    const method = stats.acceptedChunks - this.chunks > 1 ? 'writev' : 'write'
    this.chunks = stats.acceptedChunks
    if (end === this.end) return method
    for (const pipe of carrier.pipes) pipe.lookAt()
    const request = new WriteRequest(chunks, end, this.chunks, method, callback)
    request.isAwaited = node.hasCallback(state)
    const fault = opening.openGate()
    if (fault !== null) request.error = errors.writeFailed(fault)
    const before = this.memory
    this.noteEnd(end)
    if (stream.pos !== undefined) stream.pos += this.memory - before
    this.list = [...this.list, request]
    io.begin(stream)
    lane.isAwaited = false
    carrier.firstCounted = 0
    eventLoop.ref()
    eventLoop.activate(carrier)
    if (exit.isExiting()) exit.flushAll()
    else carrier.armWake()
  }

  noteEnd (offset) {
    this.end = offset
    this.memory = this.carrier.buffer.memoryAt(offset)
  }

  /** Whether Node can be told of the first. */
  get isFirstDone () {
    const { carrier: { buffer, control, ending }, first } = this
    if (first.error !== null || control.hasFailed) return true
    // What was behind it may be under way: Node is not to close the file meanwhile.
    return ending.isCancelled ? buffer.sink.isOver() : buffer.readSettled() >= first.end
  }

  /** Whether somebody would notice that the first is done. */
  get isWaitedFor () {
    const { isPlain, lane, state } = this.carrier
    return this.first.isAwaited || lane.isAwaited || state.needDrain || state.ending || state.destroyed || !isPlain
  }

  /** Tells Node that the first is done, or has failed. @param {WriteRequest} [current] the one in whose async context this runs */
  complete (current) {
    const { buffer, ending, lane, stream } = this.carrier
    const [request, ...others] = this.list
    this.list = others.length === 0 ? NONE : others
    lane.close()
    // Before callbacks, in which a program may do with its memory what it likes.
    buffer.unpin()
    const error = this.outcomeOf(request)
    if (error !== null && !stream.destroyed) request.spareCallbacks(buffer.readSettled())
    this.countWritten(request, error)
    ending.releaseIfAllWritten()
    eventLoop.unref()
    const tell = () => this.tell(request, error)
    const tellInTime = this.isHandle ? () => { Promise.resolve().then(tell) } : tell
    if (request === current) tellInTime()
    else request.runInAsyncScope(tellInTime)
  }

  /** The error of `request`, as `fs.write` would have it, or null. */
  outcomeOf (request) {
    const { carrier } = this
    const { buffer, control, ending, stream } = carrier
    const isWritten = request.error === null && buffer.readSettled() >= request.end
    const error = isWritten ? null : request.error ?? (control.hasFailed ? carrier.failure : null)
    if (error !== null || ending.isFlushing) return error
    return stream.destroyed || !isWritten ? errors.streamDestroyed(request.method) : null
  }

  countWritten (request, error) {
    const { carrier } = this
    const { buffer, state, stats, stream } = carrier
    const isOver = error !== null || stream.destroyed
    const written = buffer.writtenAt(isOver ? buffer.readSettled() : request.end)
    stream.bytesWritten = isOver ? written : Math.max(stream.bytesWritten, written)
    this.countCopied()
    if (request.end > carrier.uncounted) carrier.countTo(request.end)
    if (error === null) stats.writtenChunks = request.count
    const length = node.lengthBehindWrite(state)
    stats.fall(state.length, length < state.highWaterMark)
    if (error === null && node.isDrainDue(state, length, 0)) this.countDrain()
  }

  /** Where Node would write next is known of what was copied by now. */
  countCopied () {
    const { buffer, stream } = this.carrier
    const { copied } = buffer
    if (stream.pos !== undefined) stream.pos += copied - this.copied
    this.copied = copied
  }

  countDrain () {
    const { stats, stream } = this.carrier
    stats.drains++
    if (channels.drain.hasSubscribers) channels.drain.publish({ stream })
  }

  tell (request, error) {
    const { carrier } = this
    const { ending, stream } = carrier
    if (!this.areUnderWay && !(ending.isFlushing && ending.isAwaited)) {
      io.end(stream)
      const isDestroyed = stream.destroyed
      this.callBack(request, error)
      if (isDestroyed) ending.finish(error)
      else if (!this.areUnderWay) carrier.onNoWrite()
      return
    }
    this.callBack(request, error)
    ending.finishIfOver()
    if (!this.areUnderWay) carrier.armWake()
    else if (this.isFirstDone && this.isWaitedFor) carrier.lookLater()
  }

  /** Calls Node's callback, and those of the users. Node has begun its next write before one of them throws. */
  callBack (request, error) {
    const { carrier } = this
    let hasThrown = true
    if (error !== null) node.splitTokens(carrier.state)
    try {
      request.callback(error)
      // Of a stream that fails and stays open Node has dropped what it held.
      if (error !== null && carrier.state.bufferedRequestCount === 0) this.noteEnd(carrier.buffer.accepted)
      hasThrown = false
    } finally {
      // Node waits for what would have come behind.
      if (hasThrown && carrier.ending.isAwaited) carrier.lookLater()
      carrier.isTooEarly = hasThrown && carrier.isLooking
    }
  }
}

module.exports = Requests

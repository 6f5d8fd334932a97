'use strict'

// Carries what Node's Writable writes to Rust, and tells Node when it is
// written. Node decides everything that a program can see: the order, callbacks,
// events, errors.
//
// Chunks come by the lane of `write()` (lib/lane.js) or by Node's `_write`
// (lib/requests.js), and how it ends is in lib/ending.js. Here is what they
// share, and how it is found out how far Rust has come.

const Budget = require('./budget.js')
const channels = require('./channels.js')
const { isUint8Array, sizeOf, claimed, whole } = require('./chunk.js')
const { ControlBlock, NONE, LAZY, EAGER } = require('./control-block.js')
const Ending = require('./ending.js')
const errors = require('./errors.js')
const eventLoop = require('./event-loop.js')
const exit = require('./exit.js')
const Lane = require('./lane.js')
const node = require('./node-state.js')
const Opening = require('./opening.js')
const Requests = require('./requests.js')
const Stats = require('./stats.js')
const { WriteBuffer } = require('./write-buffer.js')

function isLiar ({ chunk }) {
  return !(chunk instanceof node.Token) && sizeOf(chunk) < 0
}

/** What Rust is to know besides. Undefined for most streams: each property that N-API looks for has its price. */
function settingsOf (options, rotation) {
  const { retry, durable, compress, digest } = options
  const isUsual = retry === undefined && !durable && compress == null && digest == null && rotation === null
  return isUsual ? undefined : { ...options, rotate: rotation?.settings }
}

/** The list of a stream for which nobody waits: thousands of streams share it. */
const NOBODY = Object.freeze([])

class Carrier {
  /**
   * @param {import('./write-stream.js')} stream
   * @param {import('../native').Hub} hub
   * @param {object} options as lib/options.js makes them
   * @param {object} own Node's `write`, and our methods: see lib/write-stream.js
   */
  constructor (stream, hub, options, own) {
    this.number = eventLoop.nextNumber()
    this.stream = stream
    this.state = stream._writableState
    this.own = own
    /** How its file is one of several, if it is. */
    this.rotation = options.rotate ?? null
    this.control = new ControlBlock(hub, hub.create(this.number, options.exitTimeout, settingsOf(options, this.rotation)))
    this.buffer = new WriteBuffer(this.control)
    this.rotation?.begin(this)
    this.stats = new Stats()
    this.opening = new Opening(this, options)
    this.requests = new Requests(this, typeof options.fd === 'object' && options.fd !== null)
    this.budget = options.backpressure == null ? null : new Budget(this, options)
    this.lane = new Lane(this)
    this.ending = new Ending(this, options.blockTimeout)
    this.lowWaterMark = options.lowWaterMark ?? 0
    /** The names of its digests. */
    this.digests = options.digest ?? []
    this.isCompressed = options.compress != null
    this.isDurable = options.durable === true
    /** Whether something is done to the bytes that has an end of its own. */
    this.hasStages = this.isCompressed || this.digests.length > 0 || options.atomic != null
    /** Whether files that are piped in may be copied. */
    this.kernelCopy = options.kernelCopy !== false
    this.isLooking = false
    /** Who waits, without a write of Node's, until so much is settled, as `{ offset, callback }`. */
    this.waiters = NOBODY
    /** Files that are piped into the stream, and those of them that are copied now. */
    this.pipes = NOBODY
    this.copies = NOBODY
    /** A callback has thrown: the turn in which it was to be looked comes before the ticks of that callback. */
    this.isTooEarly = false
    /** What was accepted by the last poll. */
    this.polled = 0
    /** Offset up to which Node no longer counts the bytes, how many of them came from memory, and the first token that it still counts. */
    this.uncounted = 0
    this.uncountedMemory = 0
    this.firstCounted = 0
    /** Stalls begun and ended that were told, and the error of the last. */
    this.stalls = 0
    this.lastStall = null
  }

  /** Whether a chunk that Node hands over is for Rust. */
  takes (chunk) {
    const { isReleased, isClosed } = this.ending
    return chunk instanceof node.Token || (!isReleased && !isClosed && isUint8Array(chunk))
  }

  /**
   * Puts what has the length that it says in the place of chunks that do not, and has Node count that.
   * @param {{ chunk: Uint8Array | node.Token }[]} chunks that Node hands over
   * @returns {boolean} false: `fs.write` would refuse the only one
   */
  correct (chunks) {
    if (!chunks.some(isLiar)) return true
    const asWritten = chunks.length === 1 ? claimed : whole
    for (const entry of chunks) if (isLiar(entry)) entry.chunk = asWritten(entry.chunk)
    if (chunks.some(isLiar)) return false
    node.recount(this.state, chunks.reduce((size, { chunk }) => size + chunk.length, 0))
    return true
  }

  /** Whether no subclass and no patch wants to see each chunk. */
  get isPlain () {
    const { own, stream } = this
    return stream._write === own.write && stream._writev === own.writev && node.isKnown
  }

  /** Whether bytes of another file may be written behind what is buffered, without anybody who sees them. */
  get mayCopy () {
    const { ending, opening, own, state, stream } = this
    return this.isPlain && stream.write === own.laneWrite && ending.isLive && opening.isGateOpen && typeof stream.fd === 'number' &&
      !state.ending && !state.needDrain && state.highWaterMark > 0 && node.mayBuffer(state) && !exit.isExiting()
  }

  /** Why nothing can have its place among the chunks any more, or null. @param {string} method what was called */
  whyNotPlace (method) {
    const { state } = this
    if (state.destroyed) return errors.streamDestroyed(method)
    if (state.ending) return errors.writeAfterEnd()
    return this.whyNotOurs
  }

  /** Why Rust does not get what is written, or null. */
  get whyNotOurs () {
    return this.isPlain ? null : errors.invalidState('a subclass or a patch writes the chunks of this stream')
  }

  /** The error of the write that failed, as `fs` would have it. */
  get failure () {
    return errors.writeFailed(this.buffer.sink.fault())
  }

  /** Requests Rust's call for what somebody waits for. */
  armWake () {
    const { buffer, control } = this
    if (control.wake === EAGER) return
    const offset = this.awaitedOffset()
    if (offset >= 0 && !control.wakeAt(offset, buffer.accepted, EAGER)) this.lookLater()
  }

  /** @returns {number} the offset that somebody waits for; -1: nobody waits */
  awaitedOffset () {
    const { buffer, ending, isPlain, lane, requests, state } = this
    if (!requests.areUnderWay) return ending.isAwaited ? buffer.accepted : this.waiters[0]?.offset ?? -1
    const { end, error, isAwaited } = requests.first
    if (error !== null) return 0
    // Rust tells when it is over.
    if (ending.isCancelled) return buffer.sink.isOver() ? 0 : -1
    if (isAwaited || !isPlain) return end
    if (state.ending || state.destroyed || lane.isAwaited) return buffer.accepted
    return state.needDrain ? Math.max(end, buffer.accepted - this.lowWaterMark) : -1
  }

  /** @param {{ waitUncalled: () => void }} copy */
  addCopy (copy) {
    this.copies = [...this.copies, copy]
  }

  removeCopy (copy) {
    this.copies = this.copies.filter(other => other !== copy)
  }

  /** Node has no write under way: while the stream is corked it hands over nothing, and calls nobody. */
  onNoWrite () {
    if (this.state.corked > 0) for (const copy of this.copies) copy.waitUncalled()
  }

  /** Has `callback` called when what lies before `offset` is settled, or never will be. */
  waitFor (offset, callback) {
    this.waiters = [...this.waiters, { offset, callback }]
    eventLoop.ref()
    eventLoop.activate(this)
    this.armWake()
  }

  callWaiters () {
    const { buffer, control, ending, waiters } = this
    if (waiters.length === 0) return
    const settled = control.hasFailed || ending.isClosed ? Infinity : buffer.readSettled()
    this.waiters = waiters.filter(({ offset }) => offset > settled)
    for (const { offset, callback } of waiters) {
      if (offset > settled) continue
      eventLoop.unref()
      callback()
    }
  }

  /** Rust has called. What follows is seen at the next alarm. */
  onWake () {
    this.control.noteWake()
    eventLoop.activate(this)
    this.lookLater()
  }

  /** At no call of Rust's, among other streams. */
  poll (isAlarm) {
    const { requests } = this
    this.look(() => requests.isWaitedFor ? this.lookLater() : requests.complete())
    if (!isAlarm) return
    this.goIdle()
    this.armProgress()
  }

  /** Requests Rust's call for the next bytes of a write that takes long, of which somebody waits for the end. */
  armProgress () {
    const { buffer, control, requests } = this
    if (control.wake !== EAGER || !requests.areUnderWay || requests.isFirstDone) return
    const offset = Math.min(requests.first.end, buffer.readSettled() + 1)
    if (!control.wakeAt(offset, buffer.accepted, EAGER)) this.lookLater()
  }

  /** Looks at the stream in a turn of its own. */
  lookLater () {
    if (this.isLooking) return
    this.isLooking = true
    const request = this.requests.first
    const look = () => {
      this.isLooking = false
      if (!this.isTooEarly) return this.look(() => this.requests.complete(request))
      this.isTooEarly = false
      this.lookLater()
    }
    if (request === undefined) eventLoop.setImmediate(look)
    else request.lookLater(look)
  }

  /** Looks how far Rust has come; `complete` is called if the first write is done. */
  look (complete) {
    const { control, ending, requests } = this
    this.callWaiters()
    if (ending.isClosed) return
    this.rotation?.tellNews()
    if (this.stalls < control.stalls) requests.first?.runInAsyncScope(this.tellStalls, this)
    if (ending.isClosed) return
    if (requests.areUnderWay) {
      if (requests.isFirstDone) return complete()
      this.noteProgress()
    }
    ending.finishIfOver()
    this.buffer.unpin()
    this.armWake()
    this.keepPolled()
  }

  /** A stuck pipe shows that it takes something in `bytesWritten`, within the write under way. */
  noteProgress () {
    const { buffer, requests: { first }, stream } = this
    stream.bytesWritten = Math.max(stream.bytesWritten, buffer.writtenAt(Math.min(buffer.readSettled(), first.end)))
    if (this.lowWaterMark > 0 && this.state.needDrain) first.runInAsyncScope(this.drainEarly, this)
  }

  /** 'drain' at the low-water mark, which Node does not know. */
  drainEarly () {
    const { state, stream } = this
    this.uncount()
    if (!node.isDrainDue(state, state.length, this.lowWaterMark)) return
    node.settleDrain(state)
    this.requests.countDrain()
    stream.emit('drain')
  }

  /** Node counts what is written by now no longer: not only from the next turn on. */
  uncount () {
    const { buffer, state, stats, stream } = this
    buffer.unpin()
    const settled = buffer.readSettled()
    stream.bytesWritten = Math.max(stream.bytesWritten, buffer.writtenAt(settled))
    if (settled <= this.uncounted) return
    const before = state.length
    const counted = this.uncountedMemory
    this.countTo(settled)
    this.firstCounted = node.reduce(state, this.uncountedMemory - counted, this.firstCounted)
    stats.fall(before, state.length < state.highWaterMark)
  }

  /** Node counts the bytes up to `offset` no longer. */
  countTo (offset) {
    const { buffer } = this
    this.uncounted = offset
    this.uncountedMemory = buffer.memoryAt(offset)
    // Those behind a failure are asked for again: how many bytes were written then.
    buffer.forgetPlaced(Math.min(offset, buffer.readSettled()))
  }

  /** A stream that is written to is polled. Of one that has stopped Rust tells when more is written. */
  keepPolled () {
    const { buffer, control, lane, requests } = this
    lane.checkFrom = lane.pollFrom
    if (this.polled !== buffer.accepted) {
      this.polled = buffer.accepted
      eventLoop.activate(this)
    } else if (control.wake === NONE && requests.areUnderWay) {
      const offset = Math.min(requests.first.end, buffer.readSettled() + Math.max(1, lane.pollFrom))
      if (!control.wakeAt(offset, buffer.accepted, LAZY)) eventLoop.activate(this)
    }
  }

  /** An idle stream holds no memory and costs no turn. */
  goIdle () {
    const { buffer, control, ending, opening, requests, state } = this
    if (requests.areUnderWay || opening.callback !== null || ending.isAwaited || ending.finalCallback !== null) return
    if (this.waiters.length > 0 || state.bufferedRequestCount > 0) return
    // More may come soon: Rust looks at the slab for a while.
    if (buffer.slab !== null && opening.isGateOpen && !control.isAsleep) return eventLoop.activate(this)
    if (buffer.slab !== null && buffer.readSettled() < buffer.accepted) return
    buffer.release()
    eventLoop.deactivate(this)
    // A call that Rust has made meanwhile won't find this stream any more.
    control.noteWake()
  }

  tellStalls () {
    const { buffer, control, ending, stream } = this
    const { stalls } = control
    while (this.stalls < stalls && !ending.isClosed) {
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
}

module.exports = Carrier

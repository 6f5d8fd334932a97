'use strict'

// The JS half of the buffer: puts bytes into Rust's memory and keeps the level.
//
// Offsets count the bytes of the stream:
//
//   0 ───────── told ────────── taken ────────── accepted
//     written and    written, to    accepted and
//     told           be told        not written
//
// A synchronous run sees what it would see in Node: `told` moves only at the
// start of a turn, or in a call from Rust. Node's own `state.length` is kept
// at what the inlet holds, `accepted - told`, plus what Node buffers itself
// while corked or not yet open.
//
// Node writes the first chunk alone and then, as one, all that came meanwhile,
// and tells 'drain' and callbacks when such a stage is done. `stageEnd` and
// `stageWrites` say where the stage ends that would be under way, in bytes and
// in writes (which may be empty), so that we tell in the same order.

const fs = require('node:fs')
const { setImmediate } = require('node:timers')
const Budget = require('./budget.js')
const channels = require('./channels.js')
const errors = require('./errors.js')
const exit = require('./exit.js')
const { Slab, Word } = require('./native.js')
const Stats = require('./stats.js')
const turn = require('./turn.js')

/** Bytes in a slab: docs/design.md, "Sizes". */
const SLAB = 64 * 1024

/** A chunk of this many bytes is pinned and not copied: docs/design.md, "Sizes". */
const PIN_FROM = 16 * 1024

/** Free slabs that a thread keeps from turn to turn: those of a default mark, and of a batch that the drainer has written meanwhile. */
const FREE_SLABS = 32

/** How far ahead JS waits at most, in bytes: Rust compares offsets modulo 2^32. */
const HORIZON = 2 ** 30

// The values of Rust's `Waiting` and `Status`, see src/level.rs.
const NOT = 0
const QUIETLY = 1
const URGENTLY = 2
const OPENING = 0
const OPEN = 1
const FAILED = 3
const ABANDONED = 4

const { Mark, Napping, Written, Waiting, Wanted, Status, Descriptor, Stalls } = Word
const NOTHING = Buffer.alloc(0)

/** Why a flush gave up, besides the failure of the stream. */
const [ENOTCONN, ETIMEDOUT] = ['ENOTCONN', 'ETIMEDOUT'].map(errors.errnoOf)

/** Slabs that no stream of this thread uses, each with the buffer over it. */
const freeSlabs = []

function takeSlab () {
  const slab = freeSlabs.pop()
  if (slab !== undefined) return slab
  const native = new Slab(SLAB)
  const { buffer, byteOffset, byteLength } = native.bytes()
  // A view made here is of the same hidden class as all other Buffers, one that the addon makes is not.
  return { native, bytes: Buffer.from(buffer, byteOffset, byteLength) }
}

/** In a turn of its own: while JS runs on and on, none goes back to the system, but it can be filled again. */
function trimSlabs () {
  if (freeSlabs.length > FREE_SLABS) freeSlabs.length = FREE_SLABS
}

/** Calls each with `value`; one that throws does not keep the others from being called. */
function callAll (functions, value) {
  let done = 0
  try {
    while (done < functions.length) functions[done++](value)
  } finally {
    if (done < functions.length) setImmediate(callAll, functions.slice(done), value)
  }
}

class Inlet {
  /**
   * @param {import('./write-stream.js')} stream
   * @param {(number: number) => import('../native').Sink} makeSink
   * @param {object} options as lib/options.js makes them
   */
  constructor (stream, makeSink, options) {
    this.number = turn.nextNumber()
    this.stream = stream
    this.state = stream._writableState
    this.lowWaterMark = options.lowWaterMark ?? 0
    /** From this level on news may not wait for the next tick. */
    this.hurryFrom = this.state.highWaterMark / 2
    this.sink = makeSink(this.number)
    const words = this.sink.words()
    this.words = new Int32Array(words.buffer, words.byteOffset, words.byteLength / 4)

    this.budget = options.backpressure == null ? null : new Budget(this, options)
    this.flushTimeout = options.blockTimeout
    this.stats = new Stats()
    /** Stalls begun and ended that were told, and the error of the last. */
    this.stalls = 0
    this.lastStall = null

    this.accepted = 0
    this.taken = 0
    this.told = 0
    /** What `accepted` was at the last look, or behind the first write since. */
    this.seen = 0
    this.writes = 0
    /** Writes that are written, as far as it was told. */
    this.toldWrites = 0
    /** Writes that no user has made. */
    this.ownWrites = 0
    this.isUnderWay = false
    this.stageEnd = 0
    this.stageWrites = 0

    // The live slab. No slab is the same as a full one.
    this.slab = null
    this.bytes = NOTHING
    this.size = 0
    this.mark = 0
    /** Slabs filled before, as { slab, end }: free when the bytes up to `end` are taken. */
    this.filled = []
    this.pins = 0

    /** What is to be called when write number `write` is done, as { write, end, callback }. */
    this.callbacks = []
    /** Rust is to open the file, and has. */
    this.opens = false
    this.isOpenedHere = false
    /** Called once Rust has opened the file, or failed to. */
    this.onOpen = null
    /** Node says that the stream is constructed: what happened to bytes can be told. */
    this.isRunning = false
    /** Whether Rust has been asked for a call, or has one under way; URGENTLY keeps the process alive. */
    this.waits = NOT
    /** Called when no write is in flight any more, after `cut`. */
    this.onRest = null
    this.isCut = false
    /** The stream is being destroyed, but all that was accepted is written first. */
    this.isEndingAll = false
    /** Called when all that was accepted is written, or lost. */
    this.onAll = null
  }

  /** Bytes that are accepted and not told to be written; what Node holds back is not among them. */
  get length () {
    return this.accepted - this.told
  }

  /** It was cut before Rust could open the file, and nobody is to try. */
  get isAbandoned () {
    return Atomics.load(this.words, Status) === ABANDONED
  }

  get hasFailed () {
    return Atomics.load(this.words, Status) === FAILED
  }

  // ---- bytes in

  /** Puts a string behind what is there. @returns {number} its bytes */
  putString (string, encoding) {
    // No encoding makes more than three bytes of a UTF-16 unit.
    if (string.length * 3 > this.size - this.mark) return this.putLongString(string, encoding)
    const size = encoding === 'utf8'
      ? this.bytes.utf8Write(string, this.mark)
      : this.bytes.write(string, this.mark, encoding)
    this.admit(size)
    return size
  }

  putLongString (string, encoding) {
    if (Buffer.byteLength(string, encoding) >= PIN_FROM) return this.putBytes(Buffer.from(string, encoding))
    if (string.length * 3 > SLAB || Buffer.byteLength(string, encoding) > this.size - this.mark) this.nextSlab()
    const size = this.bytes.write(string, this.mark, encoding)
    this.admit(size)
    return size
  }

  /** Puts bytes behind what is there: a copy, or a big chunk itself. @returns {number} their number */
  putBytes (chunk) {
    const size = chunk.length
    if (size >= PIN_FROM) {
      this.sink.pin(chunk)
      this.admit(0)
      // A loop that never yields must not hoard what is written long since.
      if ((++this.pins & 15) === 0) this.unpin()
      return size
    }
    if (size > this.size - this.mark) this.nextSlab()
    this.bytes.set(chunk, this.mark)
    this.admit(size)
    return size
  }

  /** Raises the mark: from here on the bytes below it are Rust's. */
  admit (size) {
    this.mark += size
    // Below 0 says that the drainer sleeps, and that it is us who found it.
    if (Atomics.exchange(this.words, Mark, this.mark) < 0) this.schedule()
  }

  /** Counts what was put, for `callback` when it is written. @returns {boolean} whether the producer may go on */
  accept (size, callback) {
    const state = this.state
    if (!this.isUnderWay) this.begin(size)
    this.accepted += size
    this.writes++
    state.length += size
    if (state.length > this.hurryFrom) turn.hurry()
    if (callback !== undefined) {
      this.callbacks.push({ write: this.writes, end: this.accepted, callback })
      this.wait()
    }
    return this.mayGoOn()
  }

  /** Whether the level is below the mark. If not, 'drain' is owed. */
  mayGoOn () {
    const state = this.state
    if (state.length < state.highWaterMark || state.length === 0) return true
    this.stats.reachMark()
    state.needDrain = true
    this.wait()
    return false
  }

  /** The first write after an idle time: Node would do it alone. */
  begin (size) {
    this.isUnderWay = true
    this.stageEnd = this.seen = this.accepted + size
    this.stageWrites = this.writes + 1
    turn.work(this)
    if (exit.isExiting()) this.flushAtExit()
  }

  /** All that came so far Node would write as one. */
  stageAll () {
    this.stageEnd = this.accepted
    this.stageWrites = this.writes
  }

  nextSlab () {
    if (this.slab !== null) this.filled.push({ slab: this.slab, end: this.accepted })
    this.recycle()
    this.slab = takeSlab()
    this.bytes = this.slab.bytes
    this.size = SLAB
    this.mark = 0
    // Seals the last slab at the mark that JS has stored, and starts a new one at 0.
    this.sink.attach(this.slab.native)
  }

  /** Gives back slabs whose bytes the kernel has taken, be it in this run. */
  recycle () {
    const taken = this.readTaken()
    while (this.filled.length > 0 && this.filled[0].end <= taken) freeSlabs.push(this.filled.shift().slab)
  }

  /** Reads how much the kernel has taken. The word counts modulo 2^32. */
  readTaken () {
    if (this.accepted - this.taken < 2 ** 32) this.taken += (Atomics.load(this.words, Written) - this.taken) >>> 0
    else this.taken = this.sink.written()
    return this.taken
  }

  unpin () {
    this.pins = this.sink.unpin()
    if (this.pins < 0) {
      this.pins = 0
      this.stream.destroy(errors.chunkDetached())
    }
  }

  schedule () {
    if (exit.isExiting()) this.flushAtExit()
    else this.sink.schedule()
  }

  // ---- waiting for Rust

  /** Has Rust call when there is something to tell that somebody waits for. */
  wait () {
    if (this.waits === URGENTLY || !this.isRunning || this.isCut) return
    if (this.onAll !== null) return this.waitFor(this.accepted, URGENTLY)
    const offset = Math.min(this.callbacks.length > 0 ? this.stageEnd : Infinity, this.drainOffset)
    if (offset < Infinity) this.waitFor(offset, URGENTLY)
  }

  /** The offset at which 'drain' is due. Infinity: none is, or none before Node gives what it holds back. */
  get drainOffset () {
    const { accepted, lowWaterMark, state } = this
    if (!state.needDrain || state.ending || !this.isUnderWay) return Infinity
    const held = state.length - this.length
    return accepted - Math.max(0, lowWaterMark - held)
  }

  waitUntilWritten () {
    if (this.isRunning && this.waits !== URGENTLY && this.told < this.accepted) this.waitFor(this.accepted, URGENTLY)
  }

  waitFor (offset, how) {
    this.waits = how
    if (how === URGENTLY) turn.hold()
    offset = Math.min(offset, this.readTaken() + HORIZON)
    Atomics.store(this.words, Wanted, offset | 0)
    Atomics.store(this.words, Waiting, how)
    // From here on Rust calls when it comes there, or fails; if it has already, it won't.
    const isMissed = Atomics.load(this.words, Status) === FAILED ||
      (this.readTaken() >= offset && Atomics.exchange(this.words, Waiting, NOT) !== NOT)
    if (isMissed) setImmediate(() => this.news())
    else if (how === URGENTLY && Atomics.load(this.words, Napping) !== 0) this.sink.rouse()
  }

  stopWaiting () {
    if (this.waits === URGENTLY) turn.letGo()
    this.waits = NOT
  }

  /** Rust has called. */
  news () {
    if (this.onOpen !== null) return this.openNews()
    if (this.onRest !== null) return this.restNews()
    if (Atomics.load(this.words, Waiting) === NOT) this.stopWaiting()
    this.look()
  }

  /** Tells what has happened. In a turn of its own, when Rust has called or the time has come. */
  look () {
    trimSlabs()
    if (!this.isRunning || this.isCut) return
    this.tellStalls()
    if (this.isCut) return
    const status = Atomics.load(this.words, Status)
    this.advance(this.readTaken())
    if (this.isCut) return
    if (status === FAILED) return this.fail()
    if (this.onAll !== null && this.told === this.accepted) return this.endNews()
    if (this.pins > 0) this.unpin()
    this.wait()
    if (this.waits !== NOT) return
    if (this.seen !== this.accepted) this.lookLater()
    // Not for all of it: a slow target's progress is news, too.
    else if (this.isUnderWay) this.waitFor(Math.min(this.accepted, this.taken + Math.max(1, this.hurryFrom)), QUIETLY)
    else this.retire()
  }

  /** Who writes on and on is looked after now and then, at no call of Rust's. */
  lookLater () {
    this.seen = this.accepted
    turn.work(this)
  }

  /** Reads how many stalls have begun and ended. */
  readStalls () {
    return Atomics.load(this.words, Stalls)
  }

  get isStalled () {
    return this.readStalls() % 2 === 1
  }

  tellStalls () {
    const { stream } = this
    const stalls = this.readStalls()
    while (this.stalls < stalls && !this.isCut) {
      if (this.stalls++ % 2 === 1) {
        stream.emit('resume')
        continue
      }
      this.lastStall = errors.writeFailed(this.sink.stall())
      if (channels.stall.hasSubscribers) channels.stall.publish({ stream, error: this.lastStall })
      stream.emit('stall', this.lastStall)
    }
  }

  /** Tells that the bytes up to `taken` are written, stage by stage. */
  advance (taken) {
    // What those who are told write now is for another turn.
    const last = this.writes
    while (this.isUnderWay && this.stageWrites <= last && !this.isCut) {
      this.lower(Math.min(taken, this.stageEnd))
      if (this.told < this.stageEnd) {
        if (this.lowWaterMark > 0) this.drain()
        return
      }
      const due = this.takeCallbacks(this.stageWrites)
      // Before anybody is told: what they write comes after the next stage.
      this.isUnderWay = this.writes > this.stageWrites
      this.toldWrites = this.stageWrites
      this.stageAll()
      this.releaseIfDone()
      if (due.length === 0) this.drain()
      else callAll([() => this.drain(), ...due.map(({ callback }) => callback)], null)
    }
  }

  /** Takes the callbacks of the writes up to number `write` out of those that wait. */
  takeCallbacks (write) {
    const next = this.callbacks.findIndex(waiting => waiting.write > write)
    return this.callbacks.splice(0, next < 0 ? this.callbacks.length : next)
  }

  /** Node's level no longer has the bytes up to `offset`. */
  lower (offset) {
    // What was settled is lower already.
    if (offset <= this.told) return
    const { state } = this
    const before = state.length
    state.length -= offset - this.told
    this.told = offset
    this.stats.fall(before, state.length < state.highWaterMark)
  }

  /** What is written counts from now on, and not from the next turn on. */
  settle () {
    this.lower(this.readTaken())
    if (this.pins > 0) this.unpin()
  }

  drain () {
    const state = this.state
    if (!state.needDrain || state.length > this.lowWaterMark || state.ending || state.destroyed) return
    state.needDrain = false
    this.stats.drains++
    if (channels.drain.hasSubscribers) channels.drain.publish({ stream: this.stream })
    this.stream.emit('drain')
  }

  /** Lets go of the descriptor before 'finish': who reads from the pipe waits for its end. */
  releaseIfDone () {
    const { ending, bufferedRequestCount } = this.state
    if (ending && bufferedRequestCount === 0 && this.told === this.accepted && this.isRunning) this.sink.cut()
  }

  /** Nothing is going on: an idle stream holds no slab and costs no turn. */
  retire () {
    if (this.state.bufferedRequestCount > 0) return
    if (this.slab !== null) {
      // The drainer still looks at the slab, since more may come.
      if (Atomics.load(this.words, Mark) >= 0) return turn.work(this)
      this.giveSlabs()
    }
    turn.rest(this)
  }

  giveSlabs () {
    if (this.slab === null) return
    // One by one: there may be more than a call takes arguments.
    for (const { slab } of this.filled) freeSlabs.push(slab)
    freeSlabs.push(this.slab)
    this.filled = []
    this.sink.detach()
    this.slab = null
    this.bytes = NOTHING
    this.size = 0
    this.mark = 0
    trimSlabs()
  }

  // ---- opening

  /** Has `callback(fd)` called when Rust has opened the file; below 0: it could not. */
  open (callback) {
    this.onOpen = callback
    turn.hold()
    turn.work(this)
  }

  openNews () {
    if (Atomics.load(this.words, Status) === OPENING) return
    const { onOpen } = this
    this.onOpen = null
    turn.letGo()
    onOpen(Atomics.load(this.words, Descriptor))
  }

  /** Node has constructed the stream: all that came so far it would write as one. */
  run () {
    this.isRunning = true
    this.stageAll()
    this.wait()
    if (this.isUnderWay) turn.work(this)
  }

  // ---- the end

  get bytesWritten () {
    // Who asks again in a later turn is to see what has come since.
    if (this.isUnderWay) turn.hurry()
    return this.isCut ? this.taken : this.told
  }

  /** Whether Node has to wait for something before it finishes. */
  get isPending () {
    return this.isUnderWay || this.callbacks.length > 0 || this.state.bufferedRequestCount > 0
  }

  /** Rust could not write: nothing more will be. */
  fail () {
    const error = errors.writeFailed(this.sink.fault())
    this.state.errored ??= error
    this.isCut = true
    const callbacks = this.callbacks.splice(0)
    const isWritten = ({ end }) => end <= this.taken
    this.forget()
    callAll([
      ...callbacks.filter(isWritten).map(({ callback }) => () => callback(null)),
      () => this.lower(this.stageEnd),
      ...this.losses(callbacks.filter(waiting => !isWritten(waiting)), error),
      () => this.lower(this.accepted),
      // One of the callbacks may be Node's own, and have done this already.
      () => errorOrDestroy(this.stream, error),
      () => this.endNews()
    ])
  }

  /** Ends the stream with `error`, but writes all that was accepted first. */
  failAfterAll (error) {
    this.isEndingAll = this.state.autoDestroy
    if (this.isEndingAll) this.stream.destroy(error)
    // Within write() nothing is emitted.
    else process.nextTick(errorOrDestroy, this.stream, error)
  }

  /** Tells `callbacks` that their bytes are lost, each as it leaves the level. */
  losses (callbacks, error) {
    return callbacks.map(({ end, callback }) => () => {
      this.lower(end)
      callback(error ?? this.state.errored ?? errors.streamDestroyed())
    })
  }

  /** Lets go of everything that is held for bytes. Only when no write is in flight. */
  forget () {
    this.readTaken()
    this.isUnderWay = false
    this.stopWaiting()
    if (this.pins > 0) this.sink.unpin()
    this.pins = 0
    this.giveSlabs()
    turn.rest(this)
  }

  /** Drops what no write has begun. */
  cut () {
    if (this.isCut) return
    this.isCut = true
    this.readTaken()
    this.sink.cut()
    if (this.isRunning && this.isUnderWay && !this.state.ending) this.adopt()
    // What Node would not have begun is told in the next tick, as it does with its buffer.
    if (!this.isRunning && this.isUnderWay) {
      const losses = this.losses(this.callbacks.splice(0))
      process.nextTick(callAll, [...losses, () => this.lower(this.accepted)])
    }
  }

  /** What is corked behind a write in flight is told behind it: Node, too, waits while it is `writing`. */
  adopt () {
    const { state } = this
    if (state.bufferedRequestCount === 0) return
    state.writing = true
    for (const { chunk, callback } of state.getBuffer()) {
      this.accepted += chunk.length
      this.callbacks.push({ write: ++this.writes, end: this.accepted, callback })
    }
  }

  /** Calls `callback(error)` when nothing is in flight; the error is what Node says of a write cut short. */
  end (callback) {
    if (this.isEndingAll && !this.isCut && this.told < this.accepted && Atomics.load(this.words, Status) === OPEN) {
      this.onAll = callback
      this.wait()
      turn.work(this)
      return
    }
    const isUnderWay = this.isRunning && this.isUnderWay
    if (!isUnderWay && !this.sink.isBusy()) {
      this.close()
      callback(null)
      return
    }
    turn.hold()
    turn.work(this)
    this.onRest = () => {
      turn.letGo()
      if (!isUnderWay) {
        this.close()
        callback(null)
        return
      }
      const error = errors.streamDestroyed()
      this.state.errored ??= error
      callAll([
        () => this.lower(this.stageEnd),
        ...this.losses(this.takeCallbacks(this.stageWrites), error),
        ...this.losses(this.callbacks.splice(0)),
        () => {
          this.lower(this.accepted)
          this.close()
          callback(error)
        }
      ])
    }
    if (!this.sink.isBusy()) setImmediate(() => this.restNews())
  }

  close () {
    this.isCut = true
    this.forget()
    this.sink.cut()
  }

  giveUpAll () {
    if (this.onAll === null) return
    this.cut()
    this.endNews()
  }

  endNews () {
    const { onAll } = this
    this.onAll = null
    if (onAll !== null) this.end(onAll)
  }

  restNews () {
    if (this.onRest === null || this.sink.isBusy()) return
    const { onRest } = this
    this.onRest = null
    onRest()
  }

  /** For a stream that is made or used while the process ends. */
  flushAtExit () {
    this.openNow()
    turn.hub.flush()
  }

  /** Writes all that was accepted before it returns, or throws why it can't. */
  flushNow () {
    if (this.state.bufferedRequestCount > 0) {
      throw errors.invalidState('Node holds chunks of this stream that can\'t be written yet')
    }
    if (this.accepted === this.readTaken()) {
      // The drainer was faster: that it is written counts all the same.
      if (!this.isCut) this.settle()
      return
    }
    if (this.isCut) throw this.state.errored ?? errors.streamDestroyed('flushSync')
    const fault = this.flushUntil(Infinity, this.flushTimeout)
    if (fault === null) return
    if (fault.errno === ENOTCONN) throw errors.invalidState('the file is not open yet')
    throw errors.writeFailed(fault.errno === ETIMEDOUT && this.isStalled ? this.sink.stall() : fault)
  }

  /** Writes on this thread until the kernel has taken the bytes up to `offset`. @returns the fault, or null */
  flushUntil (offset, timeout) {
    const fault = this.sink.flush(offset, timeout)
    this.settle()
    return fault
  }

  /** Before the last flush: takes what Node holds back, and opens what Node was to open. */
  takeOver () {
    if (this.isCut) return
    for (const { chunk } of this.state.getBuffer()) this.accepted += this.putBytes(chunk)
    if (this.accepted > 0) this.openNow()
  }

  openNow () {
    const { path, flags, mode, start } = this.stream
    if (this.opens || path === undefined || Atomics.load(this.words, Status) !== OPENING) return
    try {
      // It would wait for a reader, and no turn comes in which to give up.
      if (fs.statSync(path, { throwIfNoEntry: false })?.isFIFO()) return
      this.sink.give(exit.openedByNode(path) ?? fs.openSync(path, flags, mode), start ?? -1)
    } catch {
      // Then the bytes are lost, and it is told that they are.
    }
  }

  /** After the last flush: drops what could not be written. @returns {number} its bytes */
  abandon () {
    const lost = this.isCut ? 0 : this.accepted - this.readTaken()
    if (lost > 0) this.sink.cut()
    return lost
  }
}

/** What Node does with an error of a write, see errorOrDestroy in its lib/internal/streams/destroy.js. */
function errorOrDestroy (stream, error) {
  const state = stream._writableState
  if (state.destroyed || state.errorEmitted) return
  if (state.autoDestroy) {
    stream.destroy(error)
  } else {
    state.errorEmitted = true
    stream.emit('error', error)
  }
}

module.exports = Inlet

'use strict'

// The words that JavaScript and Rust share for one stream: src/control_block.rs
// tells the handshakes. Offsets count the bytes of the stream.

const { Word, Wake, Status } = require('./native.js')

// Taken out of the addon's objects once: the hot path uses them.
const { Filled, Parked, Taken, Settled, WakeAt, Descriptor, Stalls } = Word
const { None: NONE, Lazy: LAZY, Eager: EAGER } = Wake
const { Opening: OPENING, Unopened: UNOPENED, Failed: FAILED, Abandoned: ABANDONED } = Status

/** How far ahead a wake is requested at most, in bytes: Rust compares offsets modulo 2^32. */
const HORIZON = 2 ** 30

/** The words of all streams of this thread, page by page. */
const pages = []

function toWords ({ buffer, byteOffset, byteLength }) {
  return new Int32Array(buffer, byteOffset, byteLength / 4)
}

class ControlBlock {
  /**
   * @param {import('../native').Hub} hub
   * @param {import('../native').Sink} sink
   */
  constructor (hub, sink) {
    this.sink = sink
    const page = sink.page()
    this.words = pages[page] ??= toWords(hub.words(page))
    /** Where the stream's are in there. */
    this.first = sink.firstWord()
    /** Bytes of which the memory is free again, and those that are written, as far as this thread has looked. */
    this.taken = 0
    this.settled = 0
    /** Which wake is requested, or under way. */
    this.wake = NONE
  }

  /** Hands the bytes of the live slab below `filled` over to Rust. @returns {boolean} whether there is no write job: one is to be scheduled */
  publish (filled) {
    return Atomics.exchange(this.words, this.first + Filled, filled) < 0
  }

  /** Whether there is no write job. */
  get isAsleep () {
    return Atomics.load(this.words, this.first + Filled) < 0
  }

  /** Reads how much is written, of `accepted` bytes. The word counts modulo 2^32. */
  readSettled (accepted) {
    if (accepted - this.settled < 2 ** 32) this.settled += (Atomics.load(this.words, this.first + Settled) - this.settled) >>> 0
    else this.settled = this.sink.settled()
    return this.settled
  }

  /** Reads of how many bytes the memory is free again. */
  readTaken (accepted) {
    if (accepted - this.taken < 2 ** 32) this.taken += (Atomics.load(this.words, this.first + Taken) - this.taken) >>> 0
    else this.taken = this.readSettled(accepted)
    return this.taken
  }

  get isOpening () {
    return Atomics.load(this.words, this.first + Word.Status) === OPENING
  }

  /** Rust could not open the file: `descriptor` tells the errno. */
  get isUnopened () {
    return Atomics.load(this.words, this.first + Word.Status) === UNOPENED
  }

  get hasFailed () {
    return Atomics.load(this.words, this.first + Word.Status) === FAILED
  }

  /** It was cancelled before Rust could open the file, and nobody is to try. */
  get isAbandoned () {
    return Atomics.load(this.words, this.first + Word.Status) === ABANDONED
  }

  /** The descriptor that Rust has opened, or -1; an errno if it `isUnopened`. */
  get descriptor () {
    return Atomics.load(this.words, this.first + Descriptor)
  }

  /** How many stalls have begun and ended: odd while one lasts. */
  get stalls () {
    return Atomics.load(this.words, this.first + Stalls)
  }

  /**
   * Requests a call when the bytes up to `offset`, of `accepted`, are written, or the stream fails.
   * @returns {boolean} false: that has happened already, and no call comes
   */
  wakeAt (offset, accepted, how) {
    this.wake = how
    offset = Math.min(offset, this.readSettled(accepted) + HORIZON)
    Atomics.store(this.words, this.first + WakeAt, offset | 0)
    Atomics.store(this.words, this.first + Word.Wake, how)
    const isMissed = this.hasFailed ||
      (this.readSettled(accepted) >= offset && Atomics.exchange(this.words, this.first + Word.Wake, NONE) !== NONE)
    if (isMissed) this.wake = NONE
    else if (how === EAGER && Atomics.load(this.words, this.first + Parked) !== 0) this.sink.unpark()
    return !isMissed
  }

  /** Rust has called, for this request or for another reason. */
  noteWake () {
    if (Atomics.load(this.words, this.first + Word.Wake) === NONE) this.wake = NONE
  }
}

module.exports = { ControlBlock, NONE, LAZY, EAGER }

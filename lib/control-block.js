'use strict'

// The words that JavaScript and Rust share for one stream: src/level.rs tells
// the handshakes. Offsets count the bytes of the stream.

const { Word } = require('./native.js')

const { Mark, Napping, Written, Waiting, Wanted, Status, Descriptor, Stalls } = Word

// The values of Rust's `Waiting` and `Status`.
const NONE = 0
const LAZY = 1
const EAGER = 2
const OPENING = 0
const OPEN = 1
const FAILED = 3
const ABANDONED = 4

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
    /** Bytes that are written, as far as this thread has looked. */
    this.settled = 0
    /** Which wake is requested, or under way. */
    this.wake = NONE
  }

  /** Hands the bytes of the live slab below `filled` over to Rust. @returns {boolean} whether Rust sleeps, and is to be scheduled */
  publish (filled) {
    return Atomics.exchange(this.words, this.first + Mark, filled) < 0
  }

  /** Whether no write job runs, or will without being scheduled. */
  get isAsleep () {
    return Atomics.load(this.words, this.first + Mark) < 0
  }

  /** Reads how much is written, of `accepted` bytes. The word counts modulo 2^32. */
  readSettled (accepted) {
    if (accepted - this.settled < 2 ** 32) this.settled += (Atomics.load(this.words, this.first + Written) - this.settled) >>> 0
    else this.settled = this.sink.written()
    return this.settled
  }

  get isOpening () {
    return Atomics.load(this.words, this.first + Status) === OPENING
  }

  get isOpen () {
    return Atomics.load(this.words, this.first + Status) === OPEN
  }

  get hasFailed () {
    return Atomics.load(this.words, this.first + Status) === FAILED
  }

  /** It was cancelled before Rust could open the file, and nobody is to try. */
  get isAbandoned () {
    return Atomics.load(this.words, this.first + Status) === ABANDONED
  }

  /** The descriptor that Rust has opened, or -1. */
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
    Atomics.store(this.words, this.first + Wanted, offset | 0)
    Atomics.store(this.words, this.first + Waiting, how)
    const isMissed = this.hasFailed ||
      (this.readSettled(accepted) >= offset && Atomics.exchange(this.words, this.first + Waiting, NONE) !== NONE)
    if (isMissed) this.wake = NONE
    else if (how === EAGER && Atomics.load(this.words, this.first + Napping) !== 0) this.sink.rouse()
    return !isMissed
  }

  /** Rust has called, for this request or for another reason. */
  noteWake () {
    if (Atomics.load(this.words, this.first + Waiting) === NONE) this.wake = NONE
  }
}

module.exports = { ControlBlock, NONE, LAZY, EAGER }

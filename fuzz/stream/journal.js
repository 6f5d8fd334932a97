'use strict'

// The log of a play: what happened, in which tick, and how the stream was then.

const { AsyncLocalStorage } = require('node:async_hooks')
const { nextTick } = require('node:process')
const { shapeOf, stateOf } = require('./shapes.js')

/** Some programs go in circles. */
const ENTRIES_AT_MOST = 600

/** How many ticks after the last entry are told apart. */
const TICKS = 4

/** The async context of what is logged. */
const context = new AsyncLocalStorage()

class Journal {
  /**
   * @param {(text: string) => string} anonymous takes the folder's name out
   * @param {boolean} hasContext whether the async context is logged, too
   */
  constructor (anonymous, hasContext) {
    this.anonymous = anonymous
    this.hasContext = hasContext
    /** @type {{ text: string, tick: number, state: string, bytes: number, isCut: boolean }[]} */
    this.entries = []
    this.ticks = 0
    this.isTicking = false
  }

  /** Adds what happened, and how the stream is now. */
  add (what, values, stream) {
    if (this.entries.length >= ENTRIES_AT_MOST) return
    const words = [what, ...values.map(value => shapeOf(value, this.anonymous))]
    if (this.hasContext) words.push(`in ${context.getStore()}`)
    this.entries.push({
      text: words.join(' '),
      tick: this.ticks,
      state: stream === null ? '' : stateOf(stream, this.anonymous),
      bytes: stream?.bytesWritten,
      isCut: stream !== null && Boolean(stream.destroyed || stream.errored)
    })
    this.ticks = 0
    this.countTicks()
  }

  /** Counts the ticks behind an entry, so that it is seen whether the next one is in the same. */
  countTicks () {
    if (this.isTicking) return
    this.isTicking = true
    nextTick(() => {
      this.isTicking = false
      if (++this.ticks < TICKS) this.countTicks()
    })
  }

  /** Calls `work` in an async context of that name. */
  within (name, work) {
    return this.hasContext ? context.run(name, work) : work()
  }
}

module.exports = { Journal, TICKS }

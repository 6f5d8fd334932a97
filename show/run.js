'use strict'

// A run: one program on both sides at once, and what the page hears of it.

const { EventEmitter } = require('node:events')
const Side = require('./side.js')

/** How often the page gets figures, in milliseconds: as often as a process reports. */
const INTERVAL = 50

/** Emits 'event' with a name and values for the page, and 'end' when both processes have ended and their files are gone. */
class Run extends EventEmitter {
  constructor (program, knobs, folder) {
    super()
    this.sides = ['node', 'spillway'].map(which => new Side(which, program, knobs, folder))
    this.open = this.sides.length
    this.timer = setInterval(() => this.#tell(), INTERVAL)
    for (const side of this.sides) side.once('end', () => this.#onEnd(side))
  }

  #tell () {
    const figures = this.sides.filter(({ outcome }) => outcome === null).map(side => side.figures())
    const known = figures.filter(figures => figures !== null)
    if (known.length > 0) this.emit('event', 'figures', known)
  }

  #onEnd (side) {
    this.emit('event', 'result', side.result())
    if (--this.open > 0) return
    clearInterval(this.timer)
    this.emit('end')
  }

  /** Ends both processes at once. */
  stop () {
    for (const side of this.sides) if (side.outcome === null) side.stop('closed')
  }
}

module.exports = Run

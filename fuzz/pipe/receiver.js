'use strict'

// Somebody who gets bytes of the source: a file, a listener, a loop.

const { parse } = require('./content.js')

class Receiver {
  /**
   * @param {string} name
   * @param {(() => Buffer) | undefined} look what a file holds; a listener takes chunks
   */
  constructor (name, look) {
    this.name = name
    this.look = look
    this.chunks = []
    /** When it was attached first and detached last, in steps of one clock. */
    this.from = Infinity
    this.to = Infinity
    /** Whether it need not have all that it was given: it has failed, or holds it back; and whether it was given all. */
    this.isCut = false
    this.mayLack = false
  }

  /** @returns {Function} a listener for chunks */
  static taker (name) {
    const receiver = new Receiver(name)
    const take = chunk => { receiver.chunks.push(Buffer.from(chunk)) }
    receiver.attach()
    take.receiver = receiver
    return take
  }

  attach () {
    this.from = Math.min(this.from, ++clock)
    this.to = Infinity
  }

  detach () {
    this.to = ++clock
  }

  /** Takes apart what it has got. */
  settle () {
    this.bytes = this.look === undefined ? Buffer.concat(this.chunks) : this.look()
    this.parts = parse(this.bytes)
  }

  get runs () {
    return this.parts.filter(({ from }) => from !== undefined)
  }

  get pieces () {
    return this.parts.filter(({ number }) => number !== undefined)
  }
}

let clock = 0

module.exports = Receiver

'use strict'

// Where the bytes go: a file, or a reader that takes them at its own speed. Both tell how many have arrived.

const fs = require('node:fs')

/** How often a reader looks at the clock, in milliseconds: often enough for a smooth line. */
const INTERVAL = 20

class File {
  constructor (path) {
    this.path = path
  }

  get arrived () {
    return fs.statSync(this.path, { throwIfNoEntry: false })?.size ?? 0
  }

  stop () {}
}

/** Reads `speed` bytes a second of `socket`, and nothing more once it stops. */
class Reader {
  arrived = 0
  /** Bytes that it may read now. A chunk that is bigger makes it negative: that is waited for. */
  credit = 0
  last = performance.now()

  constructor (socket, speed) {
    this.socket = socket
    this.speed = speed
    socket.on('data', chunk => this.#take(chunk.length))
    socket.pause()
    this.timer = setInterval(() => this.#earn(), INTERVAL)
    // Either way it has nothing more to read.
    socket.on('error', () => this.stop())
    socket.on('close', () => this.stop())
  }

  #take (size) {
    this.arrived += size
    this.credit -= size
    if (this.credit <= 0) this.socket.pause()
  }

  #earn () {
    const at = performance.now()
    const earned = this.speed * (at - this.last) / 1000
    // Time in which nothing came is not saved up.
    this.credit = Math.min(this.credit, 0) + earned
    this.last = at
    if (this.credit > 0) this.socket.resume()
  }

  stop () {
    clearInterval(this.timer)
    this.socket.pause()
  }
}

module.exports = { File, Reader }

'use strict'

// `pipe()` of a file into a file. When enough has come the ordinary way, and while nobody
// looks at the chunks, the reader's `_read` has Rust copy the bytes, step by step; each
// step is a write of Node's that has no bytes in memory. What a read may meet besides
// bytes, the end or an error, is left to Node's own `_read`.

const { AsyncResource } = require('node:async_hooks')
const { ReadStream, fstatSync } = require('node:fs')
const { Source } = require('./native.js')
const { SourceToken } = require('./node-state.js')
const io = require('./reader-state.js')
const ReadAhead = require('./read-ahead.js')

/** Bytes of one step: what may still arrive when the reader is stopped, with those of the other. */
const STEP = 2 * 1024 * 1024

/** Steps under way: while JavaScript hears of one, Rust goes on with the next. */
const STEPS = 2

/** Bytes that were read the ordinary way before it is worth a look, and those that must be left. */
const READ_BEFORE = 64 * 1024
const WORTH = 256 * 1024

class FilePipe {
  /**
   * @param {import('./carrier.js')} carrier of the stream that is written
   * @param {import('node:fs').ReadStream} reader
   */
  constructor (carrier, reader) {
    this.carrier = carrier
    this.reader = reader
    /** What `pipe()` has just put there: whose chunks a copy stands for. */
    this.listener = reader.listeners('data').at(-1)
    /** What several chunks are read by at once; null: the reader has its own `_read`, and reads by itself. */
    this.ahead = null
    /** Whose async context a read of Node's would have. */
    this.resource = null
    /** What Rust reads from, while it does. */
    this.source = null
    /** Bytes of it that the reader knows of, and those that were asked for. */
    this.known = 0
    this.asked = 0
    this.steps = 0
    /** What stands for the last step in Node's buffer. */
    this.last = null
    this.isUnpiped = false
  }

  /** `reader` is piped into the stream of `carrier`. */
  static begin (carrier, reader) {
    if (reader instanceof ReadStream) carrier.pipes = [...carrier.pipes, new FilePipe(carrier, reader)]
  }

  /** It is no longer. */
  static end (carrier, reader) {
    for (const pipe of carrier.pipes) {
      if (pipe.reader !== reader) continue
      pipe.isUnpiped = true
      if (pipe.steps === 0 && (pipe.ahead === null || pipe.ahead.isIdle)) pipe.leave()
    }
  }

  /** A chunk is written: of the reader, maybe. Small files cost nothing but this look. */
  lookAt () {
    const { ahead, reader } = this
    if (ahead !== null || reader.bytesRead < READ_BEFORE) return
    if (!io.isPlain(reader) || Object.hasOwn(reader, '_read')) return this.leave()
    this.ahead = new ReadAhead(reader)
    Object.defineProperty(reader, '_read', { configurable: true, writable: true, value: size => this.read(size) })
  }

  /** The reader's `_read`. */
  read (size) {
    const { ahead, reader } = this
    if (!ahead.isEmpty) ahead.give()
    else if (this.isUnpiped) this.readOn(size)
    else if (this.mayCopy && this.open()) this.goOn()
    else if (this.mayReadAhead) ahead.read(size)
    else io._read.call(reader, size)
  }

  /** Node reads on, by itself. */
  readOn (size) {
    this.leave()
    this.reader._read(size)
  }

  /** Whether what is read goes to the stream and seems worth it. */
  get isFlowing () {
    const { carrier, reader } = this
    return io.isPlain(reader) && io.flowsInto(reader, carrier.stream)
  }

  /** Whether nobody but the pipe sees the chunks. */
  get isUnseen () {
    return io.isSeenBy(this.reader, this.listener)
  }

  /** Whether nobody would notice. Asked before each step. */
  get mayCopy () {
    return this.isFlowing && this.isUnseen && this.carrier.mayCopy
  }

  /** Whether others look at the chunks, and it may be read faster for them. */
  get mayReadAhead () {
    return this.isFlowing && !this.isUnseen && io.isAlone(this.reader)
  }

  /** @returns {boolean} false: these are no files, or there is too little left */
  open () {
    const { carrier: { stream }, reader } = this
    const [from, to] = [statOf(reader.fd), statOf(stream.fd)]
    if (!from?.isFile() || !to?.isFile()) return this.leave()
    const position = io.positionOf(reader)
    const left = Math.min(io.bytesLeft(reader), from.size - (position ?? reader.bytesRead))
    const isSame = from.dev === to.dev && from.ino === to.ino
    if (isSame || left < WORTH) return this.leave()
    const source = Source.share(reader.fd, position ?? -1)
    if (!(source instanceof Source)) return this.leave()
    // What JavaScript sees may be another file system.
    if (!source.isFile(from.dev, from.ino)) {
      source.close()
      return this.leave()
    }
    this.source = source
    this.resource = new AsyncResource('FSREQCALLBACK')
    this.known = this.asked = 0
    this.carrier.addCopy(this)
    return true
  }

  /** The reader has its own `_read` again. @returns {false} */
  leave () {
    const { ahead, carrier, reader } = this
    if (ahead !== null) delete reader._read
    carrier.pipes = carrier.pipes.filter(other => other !== this)
    return false
  }

  /** As many steps as there may be. */
  goOn () {
    while (this.steps < STEPS) {
      const most = Math.min(STEP, io.bytesLeft(this.reader) - (this.asked - this.known))
      if (most <= 0) break
      this.steps++
      this.asked += most
      const { resource, source } = this
      const done = error => resource.runInAsyncScope(this.onStep, this, source, error)
      this.last = new SourceToken(source, most)
      this.carrier.lane.place(this.last, done)
    }
    if (this.steps === 0) this.end()
  }

  /** A step is written, of this source or of one that is over. */
  onStep (source, error) {
    if (source !== this.source) return
    this.steps--
    this.count()
    if (!error && !source.isOver() && this.mayCopy) this.goOn()
    else if (this.steps === 0) this.end()
  }

  /** The reader knows of what was read by now. */
  count () {
    const read = this.source.read()
    io.advance(this.reader, read - this.known)
    this.known = read
  }

  /**
   * Node holds back all steps while the stream is corked, though Rust has them, and calls nobody before
   * `uncork()`. Chunks would not keep the reader from the next one, nor are steps to.
   */
  waitUncalled () {
    const { carrier, resource, source } = this
    if (!this.last.isQueued) return
    carrier.waitFor(this.last.end, () => resource.runInAsyncScope(() => {
      if (source !== this.source) return
      this.count()
      this.end()
    }))
  }

  /** Node reads on. */
  end () {
    const { carrier, reader, source } = this
    carrier.removeCopy(this)
    if (source.isOver() || this.isUnpiped) this.leave()
    this.source = this.last = null
    this.steps = 0
    source.close()
    if (!reader.destroyed) io.endRead(reader)
  }
}

/** @returns {import('node:fs').Stats | undefined} undefined: Node's own read or write is to tell why */
function statOf (fd) {
  try {
    return fstatSync(fd)
  } catch {
    return undefined
  }
}

module.exports = FilePipe

'use strict'

// WriteStream: everything about the file stays Node's, everything about the
// bytes is Rust's.

const fs = require('node:fs')
const { Writable } = require('node:stream')
const { setImmediate } = require('node:timers')
const { isMainThread } = require('node:worker_threads')
const channels = require('./channels.js')
const errors = require('./errors.js')
const exit = require('./exit.js')
const Inlet = require('./inlet.js')
const { withDefaults } = require('./options.js')
const turn = require('./turn.js')

const Base = fs.WriteStream
const { write, end, destroy, open, _construct, _write, _writev, _destroy } = Base.prototype
const { open: openAtLoad, openSync } = fs

const kInlet = Symbol('spillway.inlet')
/** The descriptor of a file that is open before Node constructs the stream: see openAtOnce. */
const kFd = Symbol('spillway.fd')
/** What Node calls where there is no callback. */
const { writecb: nop } = new Writable()._writableState

/** The chunk of no bytes whose write is done when all others are. */
const END = Buffer.alloc(0)

/**
 * A writable stream into a file, as `fs.WriteStream`.
 * See https://nodejs.org/api/fs.html#class-fswritestream
 *
 * A function, not a class: graceful-fs and others call it with `apply` on a
 * `this` of their own.
 *
 * @param {string | Buffer | URL} path
 * @param {string | object} [options] as `fs.createWriteStream` takes them, and `lowWaterMark`
 */
function WriteStream (path, options) {
  if (!(this instanceof WriteStream)) return new WriteStream(path, options)
  options = withDefaults(options)
  if (!isMainThread && typeof options === 'object' && options.fs == null && options.fd == null) options.fs = fsOfWorker(this)
  Base.call(this, path, options)
  this[kInlet] = makeInlet(this, options)
}

Object.setPrototypeOf(WriteStream.prototype, Base.prototype)
Object.setPrototypeOf(WriteStream, Base)

/**
 * Node's fs, for a stream in a worker: there Node keeps account of the
 * descriptors, and knows nothing of one that Rust has opened.
 */
function fsOfWorker (stream) {
  return Object.create(fs, {
    close: {
      enumerable: true,
      value (fd, callback) {
        if (!stream[kInlet]?.isOpenedHere) return fs.close(fd, callback)
        stream[kInlet].sink.close()
        process.nextTick(callback, null)
      }
    }
  })
}

/** @returns {Inlet | undefined} undefined: everything of this stream stays Node's */
function makeInlet (stream, options) {
  const state = stream._writableState
  if (state.objectMode || stream.destroyed) return undefined
  const start = stream.start ?? -1
  const make = sink => new Inlet(stream, sink, options)
  exit.watch()
  const makeWaiting = () => make(number => turn.hub.wait(number, options))
  if (stream.fd !== null) return given(makeWaiting(), stream.fd, start)
  const flags = toFlags(stream.flags)
  const isOurs = flags !== undefined && isMode(stream.mode) && isOpenNodes(stream, options.fs)
  if (!isOurs) return makeWaiting()
  if (process.platform === 'win32') return openAtOnce(stream) ? given(makeWaiting(), stream[kFd], start) : makeWaiting()
  const path = Buffer.from(stream.path)
  const inlet = make(number => turn.hub.open(number, options, path, flags, stream.mode, start))
  inlet.opens = true
  return inlet
}

/** @returns {Inlet | undefined} undefined: no descriptor that is open, as the first write is to say, by Node's code */
function given (inlet, fd, start) {
  return inlet.sink.give(fd, start) === null ? inlet : undefined
}

/**
 * On Windows the descriptor has to be one of Node's, so Node opens the file:
 * here, as soon as Rust does elsewhere. Of an open in libuv's pool no byte could
 * be written before its turn comes; and one that the end of the process
 * overtakes would empty the file behind us.
 * @returns {boolean} false: Node's own open is to tell the error
 */
function openAtOnce (stream) {
  try {
    stream[kFd] = openSync(stream.path, stream.flags, stream.mode)
    return true
  } catch {
    return false
  }
}

/** Whether to open a file is as Node does it: nobody has patched it, nobody restricts it. */
function isOpenNodes (stream, custom) {
  return process.permission === undefined &&
    fs.open === openAtLoad && (custom == null || custom.open === fs.open) &&
    stream.open === open
}

function isMode (mode) {
  return Number.isInteger(mode) && mode >= 0 && mode <= 0o7777
}

const { O_APPEND, O_CREAT, O_EXCL, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } = fs.constants

/** What each letter of a file system flag means: https://nodejs.org/api/fs.html#file-system-flags */
const FLAGS = new Map(Object.entries({
  'r+': O_RDWR,
  'rs+': O_RDWR | O_SYNC,
  w: O_TRUNC | O_CREAT | O_WRONLY,
  wx: O_TRUNC | O_CREAT | O_WRONLY | O_EXCL,
  'w+': O_TRUNC | O_CREAT | O_RDWR,
  'wx+': O_TRUNC | O_CREAT | O_RDWR | O_EXCL,
  a: O_APPEND | O_CREAT | O_WRONLY,
  ax: O_APPEND | O_CREAT | O_WRONLY | O_EXCL,
  as: O_APPEND | O_CREAT | O_WRONLY | O_SYNC,
  'a+': O_APPEND | O_CREAT | O_RDWR,
  'ax+': O_APPEND | O_CREAT | O_RDWR | O_EXCL,
  'as+': O_APPEND | O_CREAT | O_RDWR | O_SYNC
}))

/** @returns {number | undefined} undefined: Node is to read them, or to refuse */
function toFlags (flags) {
  return Number.isInteger(flags) && flags === (flags | 0) ? flags : FLAGS.get(flags)
}

/**
 * Takes a chunk. See https://nodejs.org/api/stream.html#writablewritechunk-encoding-callback
 *
 * @param {string | Uint8Array | DataView} chunk
 * @param {string} [encoding] of a string
 * @param {(error?: Error | null) => void} [callback] called when the kernel has taken the chunk
 * @returns {boolean} false: the level is at the mark, wait for 'drain'
 */
WriteStream.prototype.write = function (chunk, encoding, callback) {
  if (typeof encoding === 'function') {
    callback = encoding
    encoding = undefined
  }
  const answer = put(this, chunk, encoding, callback)
  return answer === undefined ? writeByNode(this, chunk, encoding, callback) : answer
}

/**
 * Puts a chunk into the inlet.
 * @returns {boolean | undefined} what write() is to answer; undefined: this is Node's to take, or to refuse
 */
function put (stream, chunk, encoding, callback) {
  const inlet = stream[kInlet]
  const state = stream._writableState
  if (inlet === undefined || state.corked !== 0 || state.ending || state.destroyed || state.errored !== null ||
      state.bufferedRequestCount !== 0 || !isWriteOurs(stream)) return undefined
  if (!encoding) encoding = state.defaultEncoding
  else if (encoding !== 'utf8' && encoding !== 'buffer' && !Buffer.isEncoding(encoding)) return undefined

  if (inlet.budget !== null && !admits(inlet, chunk, encoding, callback)) return !state.destroyed && inlet.mayGoOn()

  let size
  if (typeof chunk === 'string') size = inlet.putString(chunk, encoding)
  else if (chunk instanceof Uint8Array) size = inlet.putBytes(chunk)
  else if (ArrayBuffer.isView(chunk)) size = inlet.putBytes(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
  else return undefined
  return inlet.accept(size, typeof callback === 'function' ? callback : undefined)
}

/** Whether no subclass and no patch wants to see each chunk. */
function isWriteOurs (stream) {
  return stream._write === writeOurs
}

/** Whether the budget has room for `chunk`. What is no chunk is Node's to refuse. */
function admits (inlet, chunk, encoding, callback) {
  if (typeof chunk !== 'string' && !ArrayBuffer.isView(chunk)) return true
  return inlet.budget.admits(chunk, encoding, typeof callback === 'function' ? callback : undefined)
}

function writeByNode (stream, chunk, encoding, callback) {
  const inlet = stream[kInlet]
  const state = stream._writableState
  const isWritable = !state.ending && !state.destroyed && state.errored === null && (!encoding || Buffer.isEncoding(encoding))
  if (inlet !== undefined && inlet.budget !== null && isWritable &&
      !admits(inlet, chunk, encoding || state.defaultEncoding, callback)) return !state.destroyed && inlet.mayGoOn()
  const mayGoOn = write.call(stream, chunk, encoding, callback)
  // What Node holds back is to be found at the end of the process.
  if (inlet !== undefined && state.bufferedRequestCount !== 0) turn.work(inlet)
  return mayGoOn
}

// Chunks that took the way through Node's buffer: they were corked, or belong to a subclass.

WriteStream.prototype._write = writeOurs

function writeOurs (chunk, encoding, callback) {
  const inlet = this[kInlet]
  if (inlet === undefined) return _write.call(this, chunk, encoding, callback)
  const state = this._writableState
  state.length -= state.writelen
  putForNode(this, inlet, [{ chunk, encoding, callback: state.writecb }], callback)
}

WriteStream.prototype._writev = function (chunks, callback) {
  const inlet = this[kInlet]
  if (inlet === undefined) return _writev.call(this, chunks, callback)
  this._writableState.length = inlet.accepted - inlet.told
  putForNode(this, inlet, chunks, callback)
}

/** Takes over from Node: from here on the inlet counts the chunks, and tells those who wait for them. */
function putForNode (stream, inlet, chunks, callback) {
  const state = stream._writableState
  state.writelen = 0
  const isFirst = !inlet.isUnderWay
  const last = chunks.length - 1
  // Behind a subclass Node is left to tell its callbacks itself.
  const isOurs = isWriteOurs(stream)
  if (isOurs) state.writecb = null
  const waits = !isOurs || chunks[last].chunk === END
  chunks.forEach(({ chunk, encoding, callback: told }, at) => {
    const size = typeof chunk === 'string' ? inlet.putString(chunk, encoding) : inlet.putBytes(chunk)
    if (chunk === END) inlet.ownWrites++
    if (waits && at === last) inlet.accept(size, callback)
    else inlet.accept(size, isOurs && told !== nop ? told : undefined)
  })
  if (isFirst) inlet.stageAll()
  if (!waits) callback()
}

/**
 * Ends the stream. See https://nodejs.org/api/stream.html#writableendchunk-encoding-callback
 */
WriteStream.prototype.end = function (chunk, encoding, callback) {
  if (typeof chunk === 'function') {
    callback = chunk
    chunk = undefined
  } else if (typeof encoding === 'function') {
    callback = encoding
    encoding = undefined
  }
  const state = this._writableState
  if (this[kInlet] !== undefined && !state.ending && !state.destroyed && state.errored === null) {
    if (chunk != null) {
      if (put(this, chunk, encoding) === undefined) writeByNode(this, chunk, encoding)
      chunk = undefined
    }
    // Node finishes when its last write is done: one of no bytes stands for all that Rust still has.
    if (this[kInlet].isPending && isWriteOurs(this)) write.call(this, END)
  }
  end.call(this, chunk, encoding, callback)
  this[kInlet]?.releaseIfDone()
  return this
}

// As in Node: there is no shutdown() for files.
WriteStream.prototype.destroySoon = WriteStream.prototype.end

WriteStream.prototype.destroy = function (error, callback) {
  const inlet = this[kInlet]
  // Once more: what was still to be written is not to be waited for.
  if (this.destroyed) inlet?.giveUpAll()
  else if (!inlet?.isEndingAll) inlet?.cut()
  return destroy.call(this, error, callback)
}

WriteStream.prototype._construct = function (callback) {
  // Destroyed before it was made, by a signal: stock would open the file now and never close it.
  if (this.closed) {
    if (this[kFd] !== undefined) fs.close(this[kFd])
    return callback()
  }
  const inlet = this[kInlet]
  const run = error => {
    callback(error)
    // Behind Node's own tick, in which the stream becomes constructed.
    if (!error) process.nextTick(() => inlet?.run())
    if (!error && channels.open.hasSubscribers) channels.open.publish({ stream: this, path: this.path, fd: this.fd })
  }
  const openByNode = () => _construct.call(this, error => {
    const fault = !error && this.path !== undefined && inlet !== undefined ? inlet.sink.give(this.fd, this.start ?? -1) : null
    run(fault === null ? error : errors.writeFailed(fault))
  })
  const hasOpened = fd => {
    this.fd = fd
    run()
    this.emit('open', fd)
    this.emit('ready')
  }
  if (this[kFd] !== undefined) {
    setImmediate(hasOpened, this[kFd])
    return
  }
  if (!inlet?.opens) return openByNode()
  inlet.open(fd => {
    if (fd < 0) return inlet.isAbandoned ? callback() : openByNode()
    inlet.isOpenedHere = true
    hasOpened(fd)
  })
}

WriteStream.prototype._destroy = function (error, callback) {
  const inlet = this[kInlet]
  const done = error => {
    if (channels.close.hasSubscribers) channels.close.publish({ stream: this, error: error ?? null })
    callback(error)
  }
  if (inlet === undefined) return _destroy.call(this, error, done)
  inlet.end(cutShort => _destroy.call(this, error ?? cutShort, done))
}

/**
 * Writes all that was accepted, on this thread, before it returns. The process
 * may end then, in any way, and nothing is lost. Waits for what takes nothing
 * for at most `blockTimeout`.
 *
 * @throws {NodeJS.ErrnoException} the error of the write; `ETIMEDOUT`
 * @throws {Error} ERR_INVALID_STATE: the file is not open, or Node still holds chunks
 */
WriteStream.prototype.flushSync = function () {
  const inlet = inletOf(this)
  const state = this._writableState
  if (state.bufferedRequestCount !== 0 && state.corked !== 0) {
    const { corked } = state
    state.corked = 1
    this.uncork()
    state.corked = corked
  }
  inlet.flushNow()
}

/**
 * What the stream has been through.
 * @returns {import('..').Stats}
 */
WriteStream.prototype.stats = function () {
  const inlet = inletOf(this)
  return inlet.stats.show(inlet)
}

function inletOf (stream) {
  if (stream[kInlet] === undefined) throw errors.invalidState('this stream is written by Node')
  return stream[kInlet]
}

/** Bytes that the kernel has taken; after an error or destroy(), too. */
Object.defineProperty(WriteStream.prototype, 'bytesWritten', {
  configurable: true,
  enumerable: true,
  get () {
    return this[kInlet]?.bytesWritten ?? this[kBytesWritten]
  },
  set (bytes) {
    // Node's own code counts here, for a stream that stays Node's.
    this[kBytesWritten] = bytes
  }
})
const kBytesWritten = Symbol('spillway.bytesWritten')

module.exports = WriteStream

'use strict'

// WriteStream: Node's own class, whose bytes Rust carries. What a program can
// see is decided by Node's code; lib/carrier.js does the rest.

const { Buffer } = require('node:buffer')
const process = require('node:process')
const { fileURLToPath } = require('node:url')
const { Base, kBase } = require('./base.js')
const Carrier = require('./carrier.js')
const channels = require('./channels.js')
const errors = require('./errors.js')
const eventLoop = require('./event-loop.js')
const exit = require('./exit.js')
const FilePipe = require('./file-pipe.js')
const io = require('./io-state.js')
const { BarrierToken, PlacedToken, ReopenToken, splitTokens } = require('./node-state.js')
const { Settled } = require('./native.js')
const { withDefaults } = require('./options.js')
const Rotation = require('./rotation.js')
const writeFrom = require('./write-from.js')

const { write, end, destroy, _write, _writev, _destroy, _construct } = Base.prototype

const kCarrier = Symbol('spillway.carrier')
const NOTHING = Buffer.alloc(0)

/**
 * A writable stream into a file, as `fs.WriteStream`.
 * See https://nodejs.org/api/fs.html#class-fswritestream
 *
 * A function, not a class: graceful-fs and others call it with `apply` on a
 * `this` of their own.
 *
 * @param {string | Buffer | URL} path
 * @param {string | object} [options] as `fs.createWriteStream` takes them, and those of spillway
 */
function WriteStream (path, options) {
  if (!(this instanceof WriteStream)) return new WriteStream(path, options)
  options = withDefaults(options)
  // What can't be is said before anything is opened.
  if (options?.rotate !== undefined) Rotation.prepare(path, options)
  Base.call(this, path, options)
  // In object mode Node counts objects, and all stays Node's.
  if (this.writableObjectMode || this.destroyed) return
  const hub = io.isKnown ? eventLoop.getHub() : null
  if (hub === null) return refuseStages(options)
  // Bun does without a `_writev`; we do not.
  if (this._writev === undefined) delete this._writev
  exit.watch()
  const carrier = new Carrier(this, hub, options ?? {}, OWN)
  Object.defineProperty(this, kCarrier, { value: carrier })
  if (carrier.hasStages) addFinal(this, carrier)
}

/** All is Node's, which would do nothing of this and not say so. */
function refuseStages (options) {
  const name = ['atomic', 'compress', 'digest', 'durable', 'mkdir', 'rotate'].find(name => options?.[name])
  if (name !== undefined) throw errors.invalidState(`options.${name} can't be had: this stream is written by Node ${process.version} itself`)
}

/** Before 'finish' the stages write what they still have. A subclass may have a `_final` of its own, which comes first. */
function addFinal (stream, carrier) {
  const { _final } = stream
  const finish = callback => carrier.ending.final(callback)
  const value = typeof _final !== 'function'
    ? finish
    : callback => _final.call(stream, error => error ? callback(error) : finish(callback))
  Object.defineProperty(stream, '_final', { configurable: true, writable: true, value })
}

Object.setPrototypeOf(WriteStream.prototype, Base.prototype)
Object.setPrototypeOf(WriteStream, Base)
Object.defineProperty(WriteStream, kBase, { value: Base })

/**
 * Writes a chunk. See https://nodejs.org/api/stream.html#writablewritechunk-encoding-callback
 *
 * @param {string | Uint8Array | DataView} chunk
 * @param {string} [encoding] of a string
 * @param {(error?: Error | null) => void} [callback] called when the chunk is written
 * @returns {boolean} false: the high-water mark is reached, wait for 'drain'
 */
WriteStream.prototype.write = function (chunk, encoding, callback) {
  if (typeof encoding === 'function') {
    callback = encoding
    encoding = undefined
  }
  const carrier = this[kCarrier]
  return carrier === undefined ? write.call(this, chunk, encoding, callback) : carrier.lane.write(chunk, encoding, callback)
}

/** Ends the stream. See https://nodejs.org/api/stream.html#writableendchunk-encoding-callback */
WriteStream.prototype.end = function (chunk, encoding, callback) {
  const carrier = this[kCarrier]
  if (carrier?.budget != null && chunk != null && typeof chunk !== 'function' && !carrier.budget.admits(chunk, encoding)) {
    // It is refused, and not the end.
    chunk = undefined
  }
  end.call(this, chunk, encoding, callback)
  carrier?.ending.onEnd()
  return this
}

// As in Node: there is no shutdown() for files.
WriteStream.prototype.destroySoon = WriteStream.prototype.end

/** Destroys the stream. See https://nodejs.org/api/stream.html#writabledestroyerror */
WriteStream.prototype.destroy = function (error, callback) {
  const isAgain = this.destroyed
  const ending = this[kCarrier]?.ending
  const done = error => {
    // A `_destroy` of the program's, which may not call ours, is done with the file now.
    ending.destroy()
    if (typeof callback === 'function') callback(error)
  }
  destroy.call(this, error, isAgain || ending === undefined ? callback : done)
  ending?.onDestroy(isAgain)
  return this
}

WriteStream.prototype._construct = function (callback) {
  const carrier = this[kCarrier]
  // Destroyed before it was made, by a signal: Node's own code would open the file now and never close it.
  if (this.closed) callback()
  else if (carrier !== undefined) carrier.opening.construct(callback)
  else _construct.call(this, callback)
}

WriteStream.prototype._write = function (chunk, encoding, callback) {
  const carrier = this[kCarrier]
  const chunks = [{ chunk }]
  if (!isOurs(this, carrier, chunk) || !carrier.correct(chunks)) {
    const [{ chunk }] = chunks
    return _write.call(this, chunk instanceof PlacedToken ? NOTHING : chunk, encoding, callback)
  }
  carry(this, carrier, chunks, callback)
}

WriteStream.prototype._writev = function (chunks, callback) {
  const carrier = this[kCarrier]
  if (!chunks.every(({ chunk }) => isOurs(this, carrier, chunk))) return _writev.call(this, chunks, callback)
  carrier.correct(chunks)
  carry(this, carrier, chunks, callback)
}

/** Node tells by these what is piped into the stream. */
WriteStream.prototype.emit = function (name, reader) {
  const carrier = this[kCarrier]
  if (name === 'pipe' && carrier?.kernelCopy) FilePipe.begin(carrier, reader)
  else if (name === 'unpipe' && carrier !== undefined) FilePipe.end(carrier, reader)
  return Reflect.apply(Base.prototype.emit, this, arguments)
}

function carry (stream, carrier, chunks, callback) {
  const method = carrier.requests.begin(chunks, callback)
  if (method === undefined) return
  const done = error => {
    if (error) splitTokens(stream._writableState)
    callback(error)
  }
  // Only the system knows whether a write of no bytes fails.
  if (method === 'write') _write.call(stream, NOTHING, 'buffer', done)
  // Of one chunk libuv makes a write.
  else _writev.call(stream, [{ chunk: NOTHING }, { chunk: NOTHING }], done)
}

/** Whether a chunk is for Rust. Without a descriptor, or of what is no chunk, Node tells the error. */
function isOurs (stream, carrier, chunk) {
  return carrier !== undefined && typeof stream.fd === 'number' && carrier.takes(chunk)
}

WriteStream.prototype._destroy = function (error, callback) {
  const done = error => {
    if (channels.close.hasSubscribers) channels.close.publish({ stream: this, error: error ?? null })
    callback(error)
  }
  this[kCarrier]?.ending.destroy()
  _destroy.call(this, error, done)
}

/** What of these a carrier compares and calls. */
const OWN = {
  nodeWrite: write,
  laneWrite: WriteStream.prototype.write,
  write: WriteStream.prototype._write,
  writev: WriteStream.prototype._writev,
  construct: WriteStream.prototype._construct,
  destroy: WriteStream.prototype._destroy
}

/**
 * Writes all that was accepted before it returns. The process may end then, in
 * any way, and nothing is lost. Waits for a target that takes nothing for at most `blockTimeout`.
 *
 * @throws {NodeJS.ErrnoException} the error of the write; `ETIMEDOUT`
 * @throws {Error} ERR_INVALID_STATE: the file is not open, or Node still holds chunks
 */
WriteStream.prototype.flushSync = function () {
  carrierOf(this).ending.flushSync()
}

/**
 * Writes the bytes of another file, pipe or socket, in their place among the writes around it.
 *
 * @param {string | Buffer | URL | number | import('node:fs/promises').FileHandle | import('node:fs').ReadStream} source
 * @param {{ start?: number, end?: number, signal?: AbortSignal }} [options] as `fs.createReadStream` takes them
 * @returns {Promise<number>} of the number of bytes
 */
WriteStream.prototype.writeFrom = function (source, options) {
  return writeFrom(carrierOf(this), source, options)
}

/**
 * Has everything that was written before on the device, with all that the system knows of the file, as `FileHandle.sync()`.
 * @param {(error?: Error | null) => void} [callback]
 * @returns {Promise<void> | undefined} a promise, if there is no callback
 */
WriteStream.prototype.sync = function (callback) {
  return sync(this, Settled.All, callback)
}

/** The same, but only with what is needed to read the bytes, as `FileHandle.datasync()`. */
WriteStream.prototype.datasync = function (callback) {
  return sync(this, Settled.Data, callback)
}

function sync (stream, how, callback) {
  const carrier = carrierOf(stream)
  if (typeof callback === 'function') return placeBarrier(carrier, how, callback)
  return new Promise((resolve, reject) => placeBarrier(carrier, how, error => error ? reject(error) : resolve()))
}

function placeBarrier (carrier, how, callback) {
  const error = carrier.whyNotPlace('sync')
  if (error !== null) process.nextTick(callback, error)
  else carrier.lane.place(new BarrierToken(how), callback)
}

/**
 * Has what is written from now on go to a file that is opened anew: 'reopen' says that it is. What was written before goes to the old one.
 * Returns at once. The descriptor keeps its number.
 * @param {string | Buffer | URL} [path] of another file: `stream.path` from then on
 * @throws {Error} ERR_INVALID_STATE; ERR_STREAM_DESTROYED; ERR_STREAM_WRITE_AFTER_END
 */
WriteStream.prototype.reopen = function (path) {
  const carrier = carrierOf(this)
  const { lane, opening, rotation } = carrier
  if (process.platform === 'win32') throw errors.unavailable('stream.reopen()')
  if (path !== undefined && typeof path !== 'string' && !Buffer.isBuffer(path) && !(path instanceof URL)) {
    throw errors.invalidArgument('path', 'of type string or an instance of Buffer or URL', path)
  }
  if (path instanceof URL) path = fileURLToPath(path)
  const error = carrier.whyNotPlace('reopen') ?? whyNotReopen(carrier, path)
  if (error !== null) throw error
  const done = error => {
    if (error) return
    if (path !== undefined) this.path = path
    this.emit('reopen')
  }
  if (rotation !== null) rotation.look(done)
  else lane.place(new ReopenToken(opening.reopenRequest(path ?? this.path)), done)
}

function whyNotReopen ({ opening, rotation, stream }, path) {
  if (process.permission !== undefined) return errors.invalidState('with --permission no file is reopened')
  if (opening.atomic !== null) return errors.invalidState('an atomic stream has one file')
  if (rotation !== null && path !== undefined) return errors.invalidState('a stream that rotates keeps its path')
  return stream.path === undefined || stream.path === '' ? errors.invalidState('the path of the stream is not known') : null
}

/**
 * A digest of what was written, after 'finish'.
 * @param {string} [name] of the digest: the first by default
 * @returns {Buffer}
 * @throws {Error} ERR_INVALID_STATE: the stream has not finished
 * @throws {TypeError} ERR_INVALID_ARG_VALUE: `options.digest` has no such name
 */
WriteStream.prototype.digest = function (name) {
  const { buffer: { sink }, digests } = carrierOf(this)
  const number = name === undefined ? 0 : digests.indexOf(name)
  if (!(number >= 0 && number < digests.length)) throw errors.invalidOption('digest', name, 'is not among those of the stream')
  const digest = this.writableFinished ? sink.digest(number) : null
  if (digest === null) throw errors.invalidState('the digest is known after \'finish\'')
  return digest
}

/**
 * What the stream has been through.
 * @returns {import('..').Stats}
 */
WriteStream.prototype.stats = function () {
  const carrier = carrierOf(this)
  return carrier.stats.snapshot(carrier)
}

function carrierOf (stream) {
  if (stream[kCarrier] === undefined) throw errors.invalidState('this stream is written by Node')
  return stream[kCarrier]
}

module.exports = WriteStream

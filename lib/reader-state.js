'use strict'

// What must be known of Node's fs.ReadStream to have its file copied in its
// place: that nobody has changed it, that nobody looks at its chunks, and where it is.
// See https://github.com/nodejs/node/blob/main/lib/internal/fs/streams.js

const fs = require('node:fs')

const { ReadStream, read: readAtLoad, readv } = fs
const { prototype } = ReadStream
const { _read, _destroy } = prototype

/** The methods by which a program could see or change what is read. */
const METHODS = ['_read', 'push', 'unshift', 'read', 'on', 'addListener', 'emit', 'pipe', 'resume', 'pause', 'setEncoding', '_destroy']
const methodsAtLoad = METHODS.map(name => prototype[name])

/** The field that has the functions of `options.fs`, or the FileHandle's, and that of the FileHandle. */
const custom = findCustom()
const HANDLE = 'kHandle'

/** The symbol that Node's own `fs.read` has for util.promisify(). A patch that was made before this is loaded lacks it. */
const isReadNodes = Object.getOwnPropertySymbols(readAtLoad).some(({ description }) => description === 'customPromisifyArgs')

/** Node's own `FileHandle.prototype.read`. Its class is nowhere to be had but on a handle. */
const HANDLE_READ = /^read\(buffer, offset, length, position\) {\s*return fsCall\(read, this, buffer, offset, length, position\);\s*}$/
let handleRead

/** The field that says that something is read, and the event that tells the end of it to Node's `_destroy`. */
const performing = findField('kIsPerformingIO')
const done = findEvent()

const NOTHING = Buffer.alloc(0)

function findField (name) {
  const stream = new ReadStream('', { fd: 0, autoClose: false })
  return Object.getOwnPropertySymbols(stream).find(({ description }) => description === name)
}

function findCustom () {
  const symbol = findField('kFs')
  return new ReadStream('', { fd: 0, autoClose: false })[symbol] === fs ? symbol : undefined
}

function findEvent () {
  let event
  _destroy.call({ [performing]: true, once (name) { event = name } }, null, () => {})
  return event
}

/** Whether `reader` is Node's own, on a descriptor of the system, and nobody has changed it. */
function isPlain (reader) {
  return reader instanceof ReadStream && Object.getPrototypeOf(reader) === prototype && isOfSystem(reader) &&
    METHODS.every((name, index) => prototype[name] === methodsAtLoad[index] && (name === '_read' || !Object.hasOwn(reader, name)))
}

/** Whether `reader` reads a descriptor of the system, by Node's own functions: those of `fs`, or of a FileHandle. */
function isOfSystem (reader) {
  if (custom === undefined) return false
  if (reader[custom] === fs) return mayRead()
  const handle = Object.getOwnPropertySymbols(reader).find(({ description }) => description === HANDLE)
  return handle !== undefined && mayReadHandle(reader[handle])
}

/** Whether nobody has patched how a descriptor is read. */
function mayRead () {
  return isReadNodes && fs.read === readAtLoad
}

/** Whether nobody has patched how `handle` is read. */
function mayReadHandle ({ read }) {
  if (read !== handleRead && typeof read === 'function' && HANDLE_READ.test(Function.prototype.toString.call(read))) handleRead = read
  return read !== undefined && read === handleRead
}

/** Whether `listener` sees the chunks of `reader`, and nobody else. */
function isSeenBy (reader, listener) {
  const listeners = reader.listeners('data')
  return listeners.length === 1 && listeners[0] === listener
}

/** Whether `reader` flows into `target`, and in no other way to anybody. */
function flowsInto (reader, target) {
  const { pipes } = reader._readableState
  return pipes.length === 1 && pipes[0] === target && reader.readableFlowing === true && reader.readableLength === 0 &&
    reader.listenerCount('readable') === 0 && reader.readableEncoding === null && !reader.readableObjectMode && !reader.destroyed && typeof reader.fd === 'number'
}

/** Where in its file the next byte is; undefined: where the descriptor stands. @returns {number | undefined} */
function positionOf (reader) {
  return reader.pos
}

/** How many bytes it is still to read; Infinity: all that there are. */
function bytesLeft (reader) {
  return reader.end - (reader.pos ?? reader.bytesRead) + 1
}

/** `count` bytes of it were read by another. */
function advance (reader, count) {
  reader.bytesRead += count
  if (reader.pos !== undefined) reader.pos += count
}

/** Whether nobody else uses the descriptor of `reader`, so that it may stand further on than the reader has come. */
function isAlone (reader) {
  return reader[custom] === fs && (reader.pos !== undefined || reader.path != null)
}

/**
 * Reads into `buffers`, from `position` on, or where the descriptor stands if that is undefined.
 * @param {(bytesRead: number) => void} callback 0: Node's own read is to meet why. Not called if the reader is destroyed
 */
function readInto (reader, buffers, position, callback) {
  reader[performing] = true
  readv(reader.fd, buffers, position, (error, bytesRead) => {
    reader[performing] = false
    if (reader.destroyed) reader.emit(done, error)
    else callback(error ? 0 : bytesRead)
  })
}

/** A `_read` that has brought nothing is over: Node may call the next one. */
function endRead (reader) {
  reader.push(NOTHING)
}

module.exports = { _read, isOfSystem, isPlain, mayReadHandle, isSeenBy, isAlone, flowsInto, positionOf, bytesLeft, advance, readInto, endRead }

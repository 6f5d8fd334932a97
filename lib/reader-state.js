'use strict'

// What must be known of Node's fs.ReadStream to have its file copied in its
// place: that nobody has changed it, that nobody looks at its chunks, and where it is.
// See https://github.com/nodejs/node/blob/main/lib/internal/fs/streams.js

const fs = require('node:fs')

const { ReadStream, read: readAtLoad } = fs
const { prototype } = ReadStream
const { _read } = prototype

/** The methods by which a program could see or change what is read. */
const METHODS = ['_read', 'push', 'unshift', 'read', 'on', 'addListener', 'emit', 'pipe', 'resume', 'pause', 'setEncoding', '_destroy']
const methodsAtLoad = METHODS.map(name => prototype[name])

/** The field that has the functions of `options.fs`, or the FileHandle's. */
const custom = findCustom()

const NOTHING = Buffer.alloc(0)

function findCustom () {
  const stream = new ReadStream('', { fd: 0, autoClose: false })
  return Object.getOwnPropertySymbols(stream).find(symbol => symbol.description === 'kFs' && stream[symbol] === fs)
}

/** Whether `reader` is Node's own, on a descriptor of the system, and nobody has changed it. */
function isPlain (reader) {
  return fs.read === readAtLoad && Object.getPrototypeOf(reader) === prototype && isOfSystem(reader) &&
    METHODS.every((name, index) => prototype[name] === methodsAtLoad[index] && (name === '_read' || !Object.hasOwn(reader, name)))
}

/** Whether `reader` reads a descriptor of the system: by `fs`, or of a FileHandle. */
function isOfSystem (reader) {
  return custom !== undefined &&
    (reader[custom] === fs || Object.getOwnPropertySymbols(reader).some(({ description }) => description === 'kHandle'))
}

/** Whether all that `reader` reads goes to `target`, and to nobody else. */
function flowsInto (reader, target) {
  return flowsOnlyTo(reader, target) && reader.listenerCount('data') === 1
}

/** The same, but others may look at the chunks. */
function flowsOnlyTo (reader, target) {
  const { pipes } = reader._readableState
  return pipes.length === 1 && pipes[0] === target && reader.readableFlowing === true && reader.readableLength === 0 &&
    reader.listenerCount('readable') === 0 && reader.readableEncoding === null && !reader.destroyed && typeof reader.fd === 'number'
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

/** A `_read` that has brought nothing is over: Node may call the next one. */
function endRead (reader) {
  reader.push(NOTHING)
}

module.exports = { _read, isOfSystem, isPlain, flowsInto, positionOf, bytesLeft, advance, endRead }

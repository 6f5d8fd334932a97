'use strict'

// `writeFrom()`: the bytes of another file, pipe or socket, in their place among the writes.

const fs = require('node:fs')
const path = require('node:path')
const { fileURLToPath } = require('node:url')
const errors = require('./errors.js')
const { isMocked } = require('./mocks.js')
const { Source } = require('./native.js')
const { SourceToken } = require('./node-state.js')
const Opening = require('./opening.js')
const reader = require('./reader-state.js')

/**
 * @param {import('./carrier.js')} carrier
 * @param {string | Buffer | URL | number | import('node:fs/promises').FileHandle | import('node:fs').ReadStream} from
 * @param {{ start?: number, end?: number, signal?: AbortSignal }} [options]
 * @returns {Promise<number>} of the bytes
 */
function writeFrom (carrier, from, options) {
  try {
    const { start, end, signal } = check(from instanceof fs.ReadStream ? { ...rangeOf(from), ...options } : { ...options })
    if (signal?.aborted) return Promise.reject(errors.aborted(signal.reason))
    // What comes behind the end Node refuses, as it does a chunk.
    const why = carrier.whyNotOurs
    if (why !== null) throw why
    const { source, name } = open(from, start ?? -1, carrier.stream)
    return copy(carrier, source, name, end - (start ?? 0) + 1, signal)
  } catch (error) {
    return Promise.reject(error)
  }
}

function check ({ start, end = Infinity, signal }) {
  if (start !== undefined) checkOffset('start', start, Infinity)
  if (end !== Infinity) checkOffset('end', end, Infinity)
  if ((start ?? 0) > end) throw errors.outOfRange('start', `<= "end" (here: ${end})`, start)
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw errors.invalidType('options.signal', 'an instance of AbortSignal', signal)
  return { start, end, signal }
}

function checkOffset (name, value) {
  if (typeof value !== 'number') throw errors.invalidArgument(name, 'of type number', value)
  if (!Number.isInteger(value)) throw errors.outOfRange(name, 'an integer', value)
  if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw errors.outOfRange(name, `>= 0 && <= ${2 ** 53 - 1}`, value)
}

/** What is left to be read of a stream that nobody has read from. */
function rangeOf (stream) {
  if (stream.destroyed || stream.readableDidRead || stream.readableFlowing !== null || stream.bytesRead > 0 || stream.readableLength > 0) {
    throw errors.invalidState('the source is read from already')
  }
  if (!reader.isOfSystem(stream)) throw unreadable()
  return { start: stream.start, end: stream.end }
}

/** A program has functions of its own that read it, which nobody would call. */
function unreadable () {
  return errors.invalidState('the source has a file system, or a read, of its own')
}

/** @returns {{ source: Source, name?: string | Buffer }} `name`: the path of a file that is not open yet */
function open (from, start, target) {
  if (from instanceof fs.ReadStream) return openStream(from, start, target)
  if (typeof from === 'number') return { source: share(from, start, target) }
  if (isHandle(from)) return { source: shareHandle(from, start, target) }
  const name = from instanceof URL ? fileURLToPath(from) : from
  if (typeof name !== 'string' && !Buffer.isBuffer(name)) {
    throw errors.invalidArgument('source', 'of type string or number, or an instance of Buffer, URL, FileHandle or ReadStream', from)
  }
  refuseSame(stat(name), target)
  if (!Opening.isUnpatched() || isMocked()) return { source: openByNode(name, start, target) }
  return { source: Source.open(Buffer.from(typeof name === 'string' ? path.resolve(name) : name), start), name }
}

/** A stream is only a name for its file: it is closed at once. */
function openStream (from, start, target) {
  const opened = open(typeof from.fd === 'number' ? from.fd : from.path, start, target)
  // That it could not open its file is told here.
  from.on('error', () => {})
  from.destroy()
  return opened
}

function openByNode (name, start, target) {
  const fd = fs.openSync(name, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  try {
    return share(fd, start, target)
  } finally {
    fs.closeSync(fd)
  }
}

function isHandle (from) {
  return typeof from === 'object' && typeof from?.fd === 'number' && typeof from.close === 'function'
}

function shareHandle (handle, start, target) {
  if (typeof handle.read === 'function' && !reader.mayReadHandle(handle)) throw unreadable()
  return share(handle.fd, start, target)
}

function share (fd, start, target) {
  const from = stat(fd)
  refuseSame(from, target)
  const source = Source.share(fd, start)
  if (!(source instanceof Source)) throw errors.failed(source, 'read')
  // The number may be one of another file system, and stand for anything here.
  if (from?.isFile() && !source.isFile(from.dev, from.ino)) {
    source.close()
    throw unreadable()
  }
  return source
}

/** @returns {fs.Stats | undefined} undefined: who opens or reads it will tell why */
function stat (from) {
  try {
    return typeof from === 'number' ? fs.fstatSync(from) : fs.statSync(from, { throwIfNoEntry: false })
  } catch (error) {
    if (error.syscall === undefined && error.permission === undefined) throw error
    return undefined
  }
}

/** What is written to would grow as it is read. */
function refuseSame (from, target) {
  const name = target.fd ?? target.path
  // A given descriptor that is closed has none.
  if (from?.isFile() !== true || name == null) return
  const to = stat(name)
  if (to?.dev === from.dev && to.ino === from.ino) throw errors.invalidState('the source is the file that is written')
}

function copy (carrier, source, name, most, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => carrier.buffer.sink.stopSource(source)
    signal?.addEventListener('abort', stop, { once: true })
    carrier.lane.place(new SourceToken(source, most), error => {
      signal?.removeEventListener('abort', stop)
      const fault = source.fault()
      const failed = fault === null ? null : errors.failed(fault, source.isUnopened() ? 'open' : 'read', source.isUnopened() ? name : undefined)
      const bytes = source.read()
      source.close()
      if (error) reject(error)
      else if (failed !== null) reject(failed)
      else if (signal?.aborted) reject(errors.aborted(signal.reason))
      else resolve(bytes)
    })
  })
}

module.exports = writeFrom

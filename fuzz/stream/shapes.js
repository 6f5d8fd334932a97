'use strict'

// What a program could see of an error, of any value, and of a stream.

const { inspect, types: { isNativeError, isUint8Array } } = require('node:util')

/** What is read of the stream at each entry, in the order in which it is read. */
const PROPERTIES = [
  'writableLength', 'writableNeedDrain', 'writableCorked', 'writableEnded', 'writableFinished', 'writableHighWaterMark',
  'writableObjectMode', 'writableAborted', 'writable', 'destroyed', 'closed', 'pending', 'pos', 'start', 'flags', 'mode'
]

/** Values that are told by no word at all, so that what is told is worth reading. */
const USUAL = [false, undefined, null]

/**
 * @param {unknown} error
 * @param {(text: string) => string} anonymous takes the folder's name out
 * @returns {string}
 */
function shapeOf (error, anonymous) {
  if (!isNativeError(error)) return show(error, anonymous)
  const { name, code, errno, syscall, message } = error
  const place = error.path === undefined ? '' : ` path=${show(error.path, anonymous)}`
  const keys = Object.keys(error).join()
  const cause = error.cause === undefined ? '' : ` cause=${shapeOf(error.cause, anonymous)}`
  return anonymous(`${name}(${code} ${errno} ${syscall} ${JSON.stringify(message)} keys=${keys}${place}${cause})`)
}

function show (value, anonymous) {
  if (typeof value === 'function') return 'function'
  if (typeof value === 'string' && value.length > 100) return `a string of ${value.length}`
  // A token passes for a Buffer.
  if (isUint8Array(value)) return `bytes ${anonymous(Buffer.from(value).subarray(0, 100).toString('latin1'))}`
  if (typeof value !== 'object' || value === null) return anonymous(inspect(value))
  return value.constructor?.name ?? 'object'
}

/**
 * @param {import('node:fs').WriteStream} stream
 * @param {(text: string) => string} anonymous
 * @returns {string} all but `bytesWritten`
 */
function stateOf (stream, anonymous) {
  const words = []
  for (const name of PROPERTIES) {
    const value = stream[name]
    if (!USUAL.includes(value)) words.push(value === true ? name : `${name}=${String(value)}`)
  }
  if (stream.errored) words.push(`errored=${stream.errored.code ?? stream.errored.name}`)
  if (stream.fd === null) words.push('no fd')
  words.push(`path=${show(stream.path, anonymous)}`)
  return words.join(' ')
}

module.exports = { shapeOf, stateOf }

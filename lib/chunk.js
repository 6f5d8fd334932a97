'use strict'

// How many bytes a chunk has, whatever properties of its own it has. Node goes
// by `length` where it counts, and by the memory where it writes; a chunk may
// say something else in each.

const { types: { isUint8Array } } = require('node:util')

const TypedArray = Object.getPrototypeOf(Uint8Array)

/** @returns {(value: object) => any} the getter of `owner`, which no property of a value's own hides */
function getter (owner, name) {
  return Function.prototype.call.bind(Object.getOwnPropertyDescriptor(owner.prototype, name).get)
}

const memorySize = getter(TypedArray, 'length')
const bufferOf = getter(TypedArray, 'buffer')
const offsetOf = getter(TypedArray, 'byteOffset')
const typedArraySize = getter(TypedArray, 'byteLength')
const dataViewSize = getter(DataView, 'byteLength')
/** Of all typed arrays alone this is a string. */
const tagOf = getter(TypedArray, Symbol.toStringTag)

/**
 * The bytes of a chunk: 0 if its memory was transferred away.
 * @returns {number} -1: it is no Uint8Array, or says that it has another length, so that Node is to take or to refuse it
 */
function sizeOf (chunk) {
  if (!isUint8Array(chunk)) return -1
  const size = memorySize(chunk)
  return size === chunk.length ? size : -1
}

/** The bytes of a Uint8Array, or of any other view. */
function viewSize (view) {
  return tagOf(view) === undefined ? dataViewSize(view) : typedArraySize(view)
}

/** Over the first `size` bytes of `chunk`: says what it has. */
function viewOf (chunk, size) {
  return new Uint8Array(bufferOf(chunk), offsetOf(chunk), size)
}

/**
 * What `fs.write` takes of a chunk that says another length than it has: as
 * many bytes as it says.
 * @returns {Uint8Array} of that length; or one that says what `fs.write` refuses
 */
function claimed (chunk) {
  const size = memorySize(chunk)
  const { length } = chunk
  // What is no number `fs.write` does not read.
  if (typeof length !== 'number') return viewOf(chunk, size)
  if (Number.isInteger(length) && length >= 0 && length <= size) return viewOf(chunk, length)
  return Object.defineProperty(viewOf(chunk, size), 'length', { value: length })
}

/** What `fs.writev` takes of a chunk, whatever it says: all that it has. */
function whole (chunk) {
  return viewOf(chunk, memorySize(chunk))
}

module.exports = { isUint8Array, memorySize, sizeOf, viewSize, claimed, whole }

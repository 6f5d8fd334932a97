'use strict'

// The chunks of a program: what is handed to write() and end().

/** One UTF-16 unit, two and three bytes, a pair of surrogates, a lone one, a control character. */
const WIDE = ['é', '€', '😀', '\ud800', '\n', 'z']

/** @param {number} size bytes, of which each tells how far into the chunk it is */
function bytes (size, serial) {
  const buffer = Buffer.allocUnsafeSlow(size)
  const shown = Math.min(size, 64)
  for (let at = 0; at < shown; at++) buffer[at] = 97 + (serial + at) % 26
  // The rest repeats the head, which is quick to make and still shows a shift.
  for (let done = shown; done < size; done *= 2) buffer.copyWithin(done, 0, Math.min(done, size - done))
  return buffer
}

/** A view of some bytes that are not at the start of their memory. */
function view (View, size, serial) {
  const unit = View.BYTES_PER_ELEMENT ?? 1
  const length = Math.floor(size / unit)
  const memory = new ArrayBuffer((length + 2) * unit)
  new Uint8Array(memory, unit, length * unit).set(bytes(length * unit, serial))
  return View === DataView ? new DataView(memory, unit, length) : new View(memory, unit, length)
}

const KINDS = {
  string: (size, serial) => bytes(size, serial).toString('latin1'),
  'wide string': (size, serial) => WIDE[serial % WIDE.length].repeat(size),
  'hex string': (size, serial) => bytes(size >> 1, serial).toString('hex'),
  Buffer: (size, serial) => bytes(size, serial),
  'part of a Buffer': (size, serial) => bytes(size + 3, serial).subarray(1, size + 1),
  Uint8Array: (size, serial) => view(Uint8Array, size, serial),
  Uint8ClampedArray: (size, serial) => view(Uint8ClampedArray, size, serial),
  Uint16Array: (size, serial) => view(Uint16Array, size, serial),
  Float64Array: (size, serial) => view(Float64Array, size, serial),
  DataView: (size, serial) => view(DataView, size, serial),
  ArrayBuffer: size => new ArrayBuffer(size),
  null: () => null,
  undefined: () => undefined,
  number: size => size,
  boolean: () => true,
  object: () => ({}),
  array: () => [1, 2]
}

/**
 * @param {{ kind: string, size: number }} chunk as program.js draws it
 * @param {number} serial tells this chunk from others
 * @returns {unknown} what to hand over
 */
function make ({ kind, size }, serial) {
  return KINDS[kind](size, serial)
}

/**
 * The bytes that a chunk stands for.
 * @param {unknown} chunk
 * @param {string} [encoding]
 * @returns {Buffer}
 */
function toBytes (chunk, encoding) {
  if (typeof chunk === 'string') return Buffer.from(chunk, Buffer.isEncoding(encoding) ? encoding : 'utf8')
  if (ArrayBuffer.isView(chunk)) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  return Buffer.alloc(0)
}

module.exports = { make, toBytes, bytes, KINDS: Object.keys(KINDS) }

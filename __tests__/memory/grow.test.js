'use strict'

// A chunk whose memory grows behind write(), as that of WebAssembly does: the
// bytes are where they were, or were copied, so nothing is wrong with that.

const fs = require('node:fs')
const { once } = require('node:events')
const spillway = require('../..')
const { folderForEach } = require('../helpers/folder.js')

const inFolder = folderForEach()

/** Below and above what ours pins without a copy. */
const SIZES = [100, 16 * 1024, 200_000]
const ROUNDS = 12

/** Memory of at least `size` bytes, and how it grows. `moves`: JavaScript's view of it becomes empty then. */
const KINDS = {
  'SharedArrayBuffer.grow()': size => {
    const buffer = new SharedArrayBuffer(size, { maxByteLength: 4 * size })
    return { buffer, grow: () => buffer.grow(3 * size) }
  },
  'ArrayBuffer.resize()': size => {
    const buffer = new ArrayBuffer(size, { maxByteLength: 4 * size })
    return { buffer, grow: () => buffer.resize(3 * size) }
  },
  'WebAssembly.Memory.grow()': size => {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(size / 65_536) })
    return { buffer: memory.buffer, grow: () => memory.grow(1), moves: true }
  },
  'grow() of a shared WebAssembly.Memory': size => {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(size / 65_536), maximum: 100, shared: true })
    return { buffer: memory.buffer, grow: () => memory.grow(1) }
  }
}

/** Whether a view follows the growth makes a difference to who reads its length later. */
const VIEWS = {
  Uint8Array: (buffer, size) => new Uint8Array(buffer, 0, size),
  'Uint8Array of whatever there is': buffer => new Uint8Array(buffer),
  DataView: (buffer, size) => new DataView(buffer, 0, size),
  Buffer: (buffer, size) => Buffer.from(buffer, 0, size),
  'Buffer of whatever there is': buffer => Buffer.from(buffer)
}
const views = Object.keys(VIEWS)
/** Those whose length Node does not read again when it writes what it has kept. */
const fixed = ['Uint8Array', 'Uint8Array of whatever there is', 'Buffer']

/** A chunk for round number `at`. Its `bytes` are what it is now. */
function make (kind, view, size, at) {
  const { buffer, grow, moves } = KINDS[kind](size)
  new Uint8Array(buffer).fill(65 + at)
  const chunk = VIEWS[view](buffer, size)
  const bytes = Buffer.alloc(chunk.byteLength, 65 + at)
  return { chunk, grow, moves, bytes }
}

function sameBytes (file, parts) {
  // Not by toEqual: what it prints of a megabyte takes a minute.
  const [actual, expected] = [fs.readFileSync(file), Buffer.concat(parts)]
  expect([actual.length, actual.equals(expected)]).toEqual([expected.length, true])
}

async function finished (out) {
  out.end()
  if (!out.closed) await new Promise(resolve => out.on('close', resolve))
  expect(out.errored).toBe(null)
}

describe.each([['stock', fs], ['spillway', spillway]])('%s', (which, { createWriteStream }) => {
  const cases = Object.keys(KINDS).flatMap(kind => SIZES.map(size => [kind, size]))

  test.each(cases)('%s behind each write of %i bytes', async (kind, size) => {
    const out = createWriteStream(inFolder('file')).on('error', () => {})
    await once(out, 'ready')
    const parts = []
    for (let at = 0; at < ROUNDS; at++) {
      const { chunk, grow, bytes } = make(kind, views[at % views.length], size, at)
      // Node looks at a DataView from 22 on.
      const taken = which === 'stock' && chunk instanceof DataView ? new Uint8Array(chunk.buffer, 0, size) : chunk
      parts.push(bytes)
      const written = new Promise((resolve, reject) => out.write(taken, error => error ? reject(error) : resolve()))
      grow()
      await written
    }
    await finished(out)
    sameBytes(inFolder('file'), parts)
  })

  test.each(cases)('%s while many of %i bytes wait, and the file is not open', async (kind, size) => {
    const out = createWriteStream(inFolder('file')).on('error', () => {})
    const parts = []
    for (let at = 0; at < ROUNDS; at++) {
      const { chunk, grow, bytes, moves } = make(kind, fixed[at % fixed.length], size, at)
      out.write(chunk)
      grow()
      // What stock keeps is empty then, and it writes nothing of it.
      if (which === 'spillway' || !moves) parts.push(bytes)
    }
    await finished(out)
    sameBytes(inFolder('file'), parts)
  })
})

test.each(Object.keys(KINDS))('%s of one memory that is written again and again', async kind => {
  // The first chunk is still pinned when the last of its memory is grown.
  const size = 65_536
  const out = spillway.createWriteStream(inFolder('file')).on('error', () => {})
  const { buffer, grow } = KINDS[kind](size)
  new Uint8Array(buffer).fill(65)
  for (let at = 0; at < 40; at++) out.write(new Uint8Array(buffer, 0, size))
  grow()
  await finished(out)
  sameBytes(inFolder('file'), [Buffer.alloc(40 * size, 65)])
})

'use strict'

// The private state of Node's Writable that the fast lane touches: all of it
// is named here. It is tried on a plain Writable when this file is loaded. If a
// Node has changed it, streams take the ordinary way, which is slower.
// See https://github.com/nodejs/node/blob/main/lib/internal/streams/writable.js

const { Buffer } = require('node:buffer')
const { Writable } = require('node:stream')
const { inspect } = require('node:util')

/**
 * What Node's buffer lists for bytes that Rust has already. It passes for a
 * Buffer, and its length grows while Node has it in its buffer.
 */
class Token {
  // An own field hides the getter of typed arrays.
  length = 0
  /** How many chunks it stands for. */
  chunks = 1

  constructor (length) {
    this.length = length
  }
}
Object.setPrototypeOf(Token.prototype, Buffer.prototype)

/** Whether Rust has the bytes that it stands for. */
Token.prototype.isQueued = true

/**
 * What is given to Node's `write()` for something that has its place among the chunks, and no
 * length. It stands for one byte in Rust's offsets.
 */
class PlacedToken extends Token {
  constructor () {
    super(0)
    this.isQueued = false
    /** The offset behind it, once Rust has it. */
    this.end = 0
  }
}

/** The bytes of another descriptor, however many there will be. */
class SourceToken extends PlacedToken {
  /**
   * @param {import('../native').Source} source
   * @param {number} most bytes
   */
  constructor (source, most) {
    super()
    this.source = source
    this.most = most
  }

  /** @param {import('../native').Sink} sink of Rust */
  appendTo (sink) {
    sink.appendSource(this.source, this.most)
  }
}

/** What lies before is to be brought down. */
class BarrierToken extends PlacedToken {
  /** @param {number} how far: of `Settled` of the addon */
  constructor (how) {
    super()
    this.how = how
  }

  /** @param {import('../native').Sink} sink of Rust */
  appendTo (sink) {
    sink.appendBarrier(this.how)
  }
}

/** What lies behind goes to another file. */
class ReopenToken extends PlacedToken {
  /** @param {[path: Buffer, flags: number, mode: number, mkdir: boolean]} request */
  constructor (request) {
    super()
    this.request = request
  }

  /** @param {import('../native').Sink} sink of Rust */
  appendTo (sink) {
    sink.appendReopen(...this.request)
  }
}

/** Rust is to look whether it is time for the next file. */
class TurnToken extends PlacedToken {
  /** @param {import('../native').Sink} sink of Rust */
  appendTo (sink) {
    sink.appendTurn()
  }
}

/** How far Rust's offsets go on with `chunk`, which Rust has. */
function extentOf (chunk) {
  return chunk instanceof PlacedToken ? 1 : chunk.length
}

/** Whether Rust has the bytes of `chunk`. */
function isQueued (chunk) {
  return chunk instanceof Token && chunk.isQueued
}

/** What console.log() shows of a stream: a Buffer's own would look for its memory. */
Token.prototype[inspect.custom] = function () {
  return `<Buffer of ${this.length} bytes>`
}

/** What Node calls where the user has given no callback. */
const { writecb: nop } = new Writable()._writableState

/** Whether Node would put a chunk behind others in its buffer, were a write under way. */
function mayBuffer (state) {
  return state.corked === 0 && !state.destroyed && state.errored === null
}

/** Whether Node has a write under way. */
function isWriting (state) {
  return state.writing
}

/** Whether a user has given a callback for the write that Node begins. */
function hasCallback (state) {
  return state.writecb !== nop
}

/** The bytes that Node still counts when the write under way is done. */
function lengthBehindWrite (state) {
  return state.length - state.writelen
}

/** Has the last chunk in Node's buffer stand for one more. */
function grow (state, token, size) {
  token.length += size
  token.chunks++
  state.length += size
}

/** Has Node's buffer list as many chunks as Node would: when a write fails, callbacks that write may show their number. */
function splitTokens (state) {
  const { buffered } = state
  const behind = buffered.splice(state.bufferedIndex)
  for (const entry of behind) {
    buffered.push(entry)
    for (let left = entry.chunk.chunks; left > 1; left--) {
      buffered.push({ chunk: new Token(0), encoding: 'buffer', callback: nop })
      state.pendingcb++
    }
    if (entry.chunk instanceof Token) entry.chunk.chunks = 1
  }
}

/** The chunks at the end of Node's buffer that Rust does not have: `{ chunk, callback }`. */
function chunksBehindTokens (state) {
  const { buffered } = state
  let from = buffered.length
  while (from > state.bufferedIndex && !isQueued(buffered[from - 1].chunk)) from--
  return buffered.slice(from)
}

/** Has Node count `size` bytes for all that it hands over, be that what the chunks have said or not. */
function recount (state, size) {
  if (Object.is(state.length, state.writelen)) state.length = state.writelen = size
}

/**
 * Node counts `size` bytes less: first of the write under way, then of the
 * tokens in its buffer from number `from` on.
 * @returns {number} of the first token that still counts
 */
function reduce (state, size, from) {
  state.length -= size
  const written = Math.min(size, state.writelen)
  state.writelen -= written
  let left = size - written
  while (left > 0) {
    const { chunk } = state.buffered[state.bufferedIndex + from]
    const part = Math.min(left, chunk.length)
    chunk.length -= part
    left -= part
    // The last may grow again, and stays.
    if (left > 0) from++
  }
  return from
}

/** What write() answers for what Node counts now; false: 'drain' is owed. */
function mayContinue (state) {
  if (state.length < state.highWaterMark || state.length === 0) return true
  state.needDrain = true
  return false
}

/** Whether 'drain' is due when Node counts `length` bytes, at most `lowWaterMark`. */
function isDrainDue (state, length, lowWaterMark) {
  return state.needDrain && length <= lowWaterMark && !state.ending && !state.destroyed
}

/** 'drain' is no longer owed. */
function settleDrain (state) {
  state.needDrain = false
}

/** The number of chunks that Node has. */
function pendingChunks (state) {
  return state.pendingcb
}

/** Node has its flags in one number, where to look costs less than by their getters. */
const kFlags = Object.getOwnPropertySymbols(new Writable()._writableState).find(({ description }) => description === 'kState')

/** What is other than before once Node would not just put a chunk behind those that it has. */
const flagsOf = kFlags === undefined ? state => state.ending || state.destroyed : state => state[kFlags]

/** Whether Node does with a token what the fast lane relies on. */
function isAsExpected () {
  const calls = []
  const writes = []
  const stream = new Writable({
    highWaterMark: 8,
    write (chunk, encoding, callback) { writes.push({ chunks: [chunk], callback }) },
    writev (chunks, callback) { writes.push({ chunks: chunks.map(({ chunk }) => chunk), callback }) }
  })
  const state = stream._writableState
  const first = Buffer.from('first')
  stream.write(first)
  const isCounted = state.length === 5 && state.writelen === 5 && state.pendingcb === 1 && !hasCallback(state) && mayBuffer(state) && isWriting(state)
  const [token, told] = [new Token(1), new Token(2)]
  stream.write(token)
  grow(state, token, 3)
  stream.write(told, undefined, error => calls.push(error))
  const real = Buffer.from('real')
  stream.write(real)
  const isBuffered = state.pendingcb === 4 && chunksBehindTokens(state)[0]?.chunk === real && state.needDrain &&
    reduce(state, 6, 0) === 0 && state.length === 5 + 4 + 2 + 4 - 6 && token.length === 3 && lengthBehindWrite(state) === 9
  writes.shift().callback()
  const [second] = writes
  const isHandedOver = second?.chunks[0] === token && second.chunks[1] === told && hasCallback(state) && state.writelen === 9
  second?.callback()
  stream.destroy()
  return isCounted && isBuffered && isHandedOver && calls.length === 1 && state.length === 0 && !mayBuffer(state)
}

function isKnown () {
  try {
    return isAsExpected()
  } catch {
    return false
  }
}

module.exports = {
  Token,
  PlacedToken,
  SourceToken,
  BarrierToken,
  ReopenToken,
  TurnToken,
  extentOf,
  isQueued,
  isKnown: isKnown(),
  mayBuffer,
  isWriting,
  hasCallback,
  lengthBehindWrite,
  grow,
  splitTokens,
  chunksBehindTokens,
  recount,
  reduce,
  mayContinue,
  isDrainDue,
  settleDrain,
  pendingChunks,
  flagsOf
}

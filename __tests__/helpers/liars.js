'use strict'

// Chunks of ten bytes that say something else of themselves, each written in
// each place. A program of its own plays them, since Node's stream may end it.

const fs = require('node:fs')
const process = require('node:process')

const BYTES = '0123456789'
const bytes = () => Buffer.from(BYTES)
const own = (name, value) => Object.defineProperty(bytes(), name, { value })

class Getter extends bytes().constructor { get length () { return 15_000 } }
class Plain extends Uint8Array { get length () { return 15_000 } }

const LENGTHS = [15_000, 20_000, 11, 3, 0, -100, 1.5, 2 ** 31, NaN, Infinity, undefined, null, '7', 'ten']

/** How to make each, by what is wrong with it. */
const CHUNKS = {
  ...Object.fromEntries(LENGTHS.map(length => [`length ${length}`, () => own('length', length)])),
  'getter of a class': () => Object.setPrototypeOf(bytes(), Getter.prototype),
  'getter of a class that is no Buffer': () => new Plain(10).fill(BYTES.charCodeAt(0)),
  'byteLength 15000': () => own('byteLength', 15_000),
  'byteLength 3': () => own('byteLength', 3),
  'byteLength -3': () => own('byteLength', -3),
  'byteOffset 5': () => own('byteOffset', 5),
  'another buffer': () => own('buffer', new ArrayBuffer(20_000)),
  'no Uint8Array': () => Object.create(Uint8Array.prototype),
  'no Buffer': () => Object.create(Buffer.prototype),
  'no Buffer, length 5': () => Object.create(Buffer.prototype, { length: { value: 5 } })
}

/**
 * What is written around it: `before` and `after` are the bytes. If it `isAlone`, Node hands nothing else over with it.
 * `isEarly`: in the run that makes the stream.
 */
const PLACES = {
  first: { isAlone: true, play: ({ write, chunk }) => { write(chunk) } },
  'with a callback': { isAlone: true, play: ({ write, chunk, callback }) => { write(chunk, callback) } },
  'before others': { isAlone: true, after: 'bc', play: ({ write, chunk }) => { write(chunk); write('b'); write('c') } },
  'behind a write under way': { isAlone: true, before: 'a', play: ({ write, chunk }) => { write('a'); write(chunk) } },
  'behind tokens': { before: 'abc', play: ({ write, chunk }) => { write('a'); write('b'); write('c'); write(chunk) } },
  'before tokens': { before: 'a', after: 'bc', play: ({ write, chunk }) => { write('a'); write(chunk); write('b'); write('c') } },
  'amid callbacks': { before: 'ab', after: 'c', play: ({ write, chunk, callback }) => { write('a'); write('b', callback); write(chunk, callback); write('c', callback) } },
  corked: { isAlone: true, play: ({ out, write, chunk }) => { out.cork(); write(chunk); out.uncork() } },
  'corked with others': { before: 'a', after: 'b', play: ({ out, write, chunk }) => { out.cork(); write('a'); write(chunk); write('b'); out.uncork() } },
  'as the last': { isAlone: true, play: ({ end, chunk }) => { end(chunk) } },
  'as the last behind others': { before: 'ab', play: ({ write, end, chunk }) => { write('a'); write('b'); end(chunk) } },
  early: { isEarly: true, isAlone: true, play: ({ write, chunk }) => { write(chunk) } },
  'early among others': { isEarly: true, before: 'a', after: 'b', play: ({ write, chunk }) => { write('a'); write(chunk); write('b') } }
}

/**
 * Plays cases, each on a stream of its own, one after another.
 * @param {{ place: string, name: string }[]} cases
 * @param {Function} createWriteStream
 * @param {string} file
 * @param {object} options of the streams
 * @param {(results: object[]) => void} done
 */
function play (cases, createWriteStream, file, options, done) {
  const results = []
  let current = null

  function next () {
    if (results.length === cases.length) return done(results)
    const { place, name } = cases[results.length]
    fs.rmSync(file, { force: true })
    const out = createWriteStream(file, options)
    current = { place, name, log: [], out }
    const { log } = current
    const attempt = name => (...values) => {
      try {
        const result = out[name](...values)
        log.push([name, result === out || result])
      } catch ({ code, name: kind }) {
        log.push([name, code ?? kind])
      }
    }
    const callback = error => log.push(['callback', error?.code ?? null])
    const begin = () => {
      const { play } = PLACES[place]
      play({ out, write: attempt('write'), end: attempt('end'), chunk: CHUNKS[name](), callback })
      if (!out.writableEnded) attempt('end')()
    }
    out.on('error', ({ code, name }) => log.push(['error', code ?? name]))
    out.on('close', () => setImmediate(finish, 'closed'))
    if (PLACES[place].isEarly) begin()
    else out.once('ready', () => setImmediate(begin))
  }

  function finish (end) {
    if (current === null) return
    const { out, ...result } = current
    const content = fs.readFileSync(file, 'latin1')
    results.push({ ...result, end, content: content.slice(0, 50), size: content.length, bytesWritten: out.bytesWritten, length: out.writableLength })
    current = null
    next()
  }

  process.on('uncaughtException', ({ code, name }) => current?.log.push(['uncaught', code ?? name]))
  // The stream is stuck: nothing is left in the process that could go on.
  process.on('beforeExit', () => finish('stuck'))
  next()
}

module.exports = { BYTES, PLACES, CHUNKS, play }

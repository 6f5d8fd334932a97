'use strict'

// Chunks whose memory is given away. Who was told that a chunk is written may
// do with it what he likes; and what is corked must not fail where nobody can
// catch it.

const fs = require('node:fs')
const { MessageChannel } = require('node:worker_threads')
const spillway = require('../..')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')

const inFolder = folderForEach()

/** Below and above what ours pins without a copy. */
const SIZES = [100, 16 * 1024, 100_000]
const COUNT = 60 // a multiple of 3: see 'drain'

const WAYS = {
  structuredClone: ({ buffer }) => { structuredClone(buffer, { transfer: [buffer] }) },
  postMessage: ({ buffer }) => {
    const { port1, port2 } = new MessageChannel()
    port1.postMessage(buffer, [buffer])
    port1.close()
    port2.close()
  },
  'ArrayBuffer.transfer()': ({ buffer }) => { buffer.transfer() }
}
// Node 20 has no transfer().
const ways = Object.keys(WAYS).filter(way => ArrayBuffer.prototype.transfer !== undefined || !way.startsWith('ArrayBuffer'))

/** A chunk for number `at`, with memory of its own. */
const make = (size, at) => new Uint8Array(size).fill(65 + at % 26)

describe.each([['stock', fs], ['spillway', spillway]])('%s: a chunk that is given away', (which, { createWriteStream }) => {
  const cases = ways.flatMap(way => SIZES.map(size => [way, size]))
  const create = () => createWriteStream(inFolder('file')).on('error', () => {})

  async function expectWritten (out, size, count = COUNT) {
    if (!out.closed) await new Promise(resolve => out.on('close', resolve))
    const expected = Buffer.concat(Array.from({ length: count }, (_, at) => Buffer.from(make(size, at))))
    const actual = fs.readFileSync(inFolder('file'))
    expect([out.errored, out.bytesWritten, actual.equals(expected)]).toEqual([null, expected.length, true])
  }

  test.each(cases)('in its own callback, one after the other: %s, %i bytes', async (way, size) => {
    const out = create()
    const next = at => {
      if (at === COUNT) return out.end()
      const chunk = make(size, at)
      out.write(chunk, error => {
        if (error) return
        WAYS[way](chunk)
        next(at + 1)
      })
    }
    next(0)
    await expectWritten(out, size)
  })

  test.each(cases)('in its own callback, all at once: %s, %i bytes', async (way, size) => {
    const out = create()
    for (let at = 0; at < COUNT; at++) {
      const chunk = make(size, at)
      out.write(chunk, error => { if (!error) WAYS[way](chunk) })
    }
    out.end()
    await expectWritten(out, size)
  })

  test.each(cases)('in the callback of the one behind it: %s, %i bytes', async (way, size) => {
    const out = create()
    let last
    for (let at = 0; at < COUNT; at++) {
      const chunk = make(size, at)
      const before = last
      out.write(chunk, error => { if (!error && before !== undefined) WAYS[way](before) })
      last = chunk
    }
    out.end()
    await expectWritten(out, size)
  })

  test.each(cases)("in 'drain': %s, %i bytes", async (way, size) => {
    const out = createWriteStream(inFolder('file'), { highWaterMark: 3 * size }).on('error', () => {})
    let at = 0
    let chunks = []
    const fill = () => {
      chunks.forEach(WAYS[way])
      chunks = []
      if (at === COUNT) return out.end()
      // The last of each round is the one that has write() answer false.
      do chunks.push(make(size, at++))
      while (out.write(chunks.at(-1)))
    }
    out.on('drain', fill)
    fill()
    await expectWritten(out, size)
  })

  test.each(cases)("in the callback of end(), and in 'finish': %s, %i bytes", async (way, size) => {
    const out = create()
    const chunks = [make(size, 0), make(size, 1)]
    out.on('finish', () => WAYS[way](chunks[0]))
    out.write(chunks[0])
    out.end(chunks[1], error => { if (!error) WAYS[way](chunks[1]) })
    await expectWritten(out, size, 2)
  })
})

describe.each(['stock', 'spillway'])('%s: a chunk that is given away while it is corked', which => {
  const ENDS = {
    'uncork()': 'out.uncork(); out.end()',
    'end()': 'out.end()',
    'uncork() in the next tick': 'process.nextTick(() => { out.uncork(); out.end() })',
    "uncork() in 'open'": "out.once('open', () => { out.uncork(); out.end() })",
    'uncork() of a stream that is open': "out.once('ready', () => setImmediate(() => { out.cork(); out.uncork(); out.uncork(); out.end() }))"
  }

  test.each(Object.keys(ENDS).flatMap(way => SIZES.map(size => [way, size])))('%s, %i bytes', async (way, size) => {
    const { code, stdout, stderr, content } = await runScript(which, `
      const out = createWriteStream(file)
      out.on('error', ({ code }) => console.log(code))
      out.on('close', () => console.log('closed'))
      const chunk = new Uint8Array(${size}).fill(65)
      out.cork()
      out.write('before')
      out.write(chunk)
      out.write('after')
      structuredClone(chunk.buffer, { transfer: [chunk.buffer] })
      ${ENDS[way]}`)
    expect([code, stderr]).toEqual([0, ''])
    // Ours may say that it is lost. Stock writes nothing of it, and says nothing.
    if (which === 'spillway' && stdout === 'ERR_INVALID_STATE\nclosed\n') return
    expect([stdout, String(content)]).toEqual(['closed\n', 'beforeafter'])
  })
})

test.each(SIZES)('at the end of the process one that is given away, of %i bytes, takes no other stream\'s bytes with it', async size => {
  const others = [0, 1, 2, 3].map(number => inFolder(`${number}`))
  const { code, stderr, content } = await runScript('spillway', `
    const make = name => {
      const out = createWriteStream(name)
      out.on('error', () => {})
      out.cork()
      return out
    }
    // Corked as well: what Rust has is written without JavaScript.
    const give = name => make(name).write('text')
    given.others.slice(0, 2).forEach(give)
    const out = make(file)
    const chunk = new Uint8Array(${size}).fill(65)
    out.write('before')
    out.write(chunk)
    structuredClone(chunk.buffer, { transfer: [chunk.buffer] })
    given.others.slice(2).forEach(give)
    process.exit(3)`, { values: { others } })
  // Of the chunk itself there is nothing to write, or to tell.
  const contents = [...others.map(name => fs.readFileSync(name, 'latin1')), String(content)]
  expect([code, ...contents]).toEqual([3, 'text', 'text', 'text', 'text', 'before'])
  expect(stderr).not.toMatch(/TypeError|Unhandled|throw/)
})

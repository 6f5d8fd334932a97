'use strict'

// Whoever calls the addon by hand, or writes into the words that it shares, gets
// an error. The process goes on, and so do the threads that write.

const fs = require('node:fs')
const path = require('node:path')
const { runScript } = require('../helpers/child.js')

/** What is called when the fill position lies far behind the slab: some may panic, on this thread or on one that writes. */
const CALLS = `{
  attach: () => sink.attach(new Slab(4096)),
  detach: () => sink.detach(),
  pin: () => sink.pin(Buffer.alloc(100)),
  append: () => sink.append(Buffer.alloc(100)),
  flush: () => sink.flush(100, 1000, false),
  'flush here': () => sink.flush(100, 1000, true),
  finish: () => sink.finish(),
  cancel: () => sink.cancel(100),
  schedule: () => sink.schedule()
}`

/** What those give of which another thread does the work: of a failure without an errno, and nothing. */
const OTHERS = { flush: 0, schedule: null }

const PRELUDE = `
  const { Hub, Slab, Word } = require(given.native)
  const outcome = call => {
    try {
      return call()?.errno ?? null
    } catch (error) {
      return error.message
    }
  }`

const native = require.resolve('../../native.js')

test.each([4097, 1e9, 2 ** 31 - 1])('a fill position of %i in a slab of 4096 bytes fails the stream', async filled => {
  const { code, stdout } = await runScript('spillway', `${PRELUDE}
    let sink
    const calls = ${CALLS}
    const hub = new Hub(() => {})
    let words
    const results = Object.entries(calls).map(([name, call], number) => {
      sink = hub.create(number, 1000)
      words ??= new Int32Array(hub.words(0).buffer)
      sink.open(Buffer.from(file + number), fs.constants.O_WRONLY | fs.constants.O_CREAT, 0o666, -1, false, true)
      sink.attach(new Slab(4096))
      sink.release()
      const at = sink.firstWord() + Word.Filled
      // The fill position that a job has left lies below 0.
      while (Atomics.load(words, at) >= 0);
      Atomics.store(words, at, given.filled)
      const first = outcome(call)
      // Now a job meets it, if this thread has not.
      outcome(() => sink.schedule())
      const then = outcome(() => sink.flush(1e10, 20_000, false))
      return { name, first, then, last: [sink.fault()?.errno, sink.isOver(), outcome(() => sink.cancel(0)), outcome(() => sink.detach())] }
    })
    const out = createWriteStream(file)
    out.write('text')
    out.end(() => console.log(JSON.stringify({ results, text: fs.readFileSync(file, 'latin1') })))`,
  { values: { native, filled } })
  expect(code).toBe(0)
  const { results, text } = JSON.parse(stdout)
  // The threads go on: they write for others.
  expect(text).toBe('text')
  const told = `0..${filled} is not within a slab of 4096 bytes`
  for (const { name, first, then, last } of results) {
    expect([name, first]).toEqual([name, name in OTHERS ? OTHERS[name] : told])
    expect([name, then, last]).toEqual([name, 0, [0, true, null, null]])
  }
})

test('values that are none of its own are refused', async () => {
  const { code, stdout, stderr } = await runScript('spillway', `${PRELUDE}
    const hub = new Hub(() => {})
    const sink = hub.create(1, 0)
    const calls = {
      'a hub without a function': () => new Hub(),
      'a slab without bytes': () => new Slab(0),
      'a page that is not there': () => hub.words(7),
      'another receiver': () => Hub.prototype.flush.call(sink),
      'no receiver': () => Hub.prototype.flush.call({}),
      'no slab': () => sink.attach(hub),
      'a chunk that is none': () => sink.append('text'),
      'a pinned chunk that is none': () => sink.pin({}),
      'a path with a null byte': () => sink.open(Buffer.from('a\\0b'), 0, 0, -1, false, true),
      'no settings': () => hub.create(2),
      'no descriptor': () => sink.give(-1, -1)
    }
    console.log(JSON.stringify(Object.entries(calls).map(([name, call]) => [name, outcome(call)])))`, { values: { native } })
  expect([code, stderr]).toEqual([0, ''])
  for (const [name, told] of JSON.parse(stdout)) expect([name, told]).not.toEqual([name, null])
})

test('a slab of no bytes says what is wrong', () => {
  const { Slab } = require('../../native.js')
  expect(() => new Slab(0)).toThrow('a slab has one byte at least')
})

test('no function of the addon lets a panic through, which would end the process', () => {
  const folder = path.join(__dirname, '..', '..', 'src', 'binding')
  const functions = fs.readdirSync(folder).flatMap(name => {
    return fs.readFileSync(path.join(folder, name), 'utf8').match(/#\[napi[^\]]*\]\s+pub fn \w+/g) ?? []
  })
  expect(functions.length).toBeGreaterThan(20)
  expect(functions.filter(text => !text.includes('catch_unwind'))).toEqual([])
})

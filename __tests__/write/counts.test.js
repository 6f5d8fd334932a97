'use strict'

// What a write costs, in counts that do not jitter: native calls, wake-ups, system calls, garbage.

const { once } = require('node:events')
const { createWriteStream } = require('../..')
const { runScript } = require('../helpers/child.js')
const Carrier = require('../../lib/carrier.js')
const { Sink } = require('../../lib/native.js')

const LINE = `${'x'.repeat(99)}\n`
const LINES = 200_000

/** Writes lines until false, then on at 'drain'. */
async function writeLines (out) {
  for (let at = 0; at < LINES; at++) {
    if (!out.write(LINE)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'close')
}

/** How often `methods` of `prototype` are called while `work` goes on. */
async function countCalls (prototype, methods, work) {
  const spies = methods.map(name => jest.spyOn(prototype, name))
  try {
    await work()
    return spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0)
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

test('small writes make at most one native call for each 32 KiB', async () => {
  const methods = Object.getOwnPropertyNames(Sink.prototype).filter(name => name !== 'constructor')
  const calls = await countCalls(Sink.prototype, methods, () => writeLines(createWriteStream('/dev/null')))
  // A slab each 64 KiB shows that the spies see them.
  expect(calls).toBeGreaterThan(LINES * LINE.length / (64 * 1024))
  expect(calls).toBeLessThan(LINES * LINE.length / (32 * 1024))
})

/** Writes a line in each turn of the event loop, `LINES` times. */
async function writeEachTurn (out) {
  for (let at = 0; at < LINES; at++) {
    out.write(LINE)
    await new Promise(setImmediate)
  }
  out.end()
  await once(out, 'close')
}

test('a producer that writes on and on finds a write job', async () => {
  const out = createWriteStream('/dev/null')
  const wakes = await countCalls(Sink.prototype, ['schedule', 'unpark'], () => writeEachTurn(out))
  // It ends when this thread is kept from running for some 100 µs, not after each write.
  expect(wakes).toBeLessThan(LINES / 20)
})

test('Rust calls for a \'drain\' that somebody waits for', async () => {
  const out = createWriteStream('/dev/null', { highWaterMark: 1000 })
  await once(out, 'open')
  const calls = await countCalls(Carrier.prototype, ['onWake'], async () => {
    for (let at = 0; at < 200; at++) {
      // Each is more than the high-water mark, and the only one.
      if (!out.write(Buffer.alloc(2000))) await once(out, 'drain')
    }
  })
  // Else it would be told by the next look at all streams, up to 10 ms later. What is written by the time of the request needs no call.
  expect(calls).toBeGreaterThan(50)
  out.destroy()
  await once(out, 'close')
})

test('Rust does not call for what nobody waits for', async () => {
  const out = createWriteStream('/dev/null')
  const calls = await countCalls(Carrier.prototype, ['onWake'], () => writeEachTurn(out))
  expect(calls).toBeLessThan(LINES / 100)
})

/** Write system calls for each 1,000 lines. */
async function writeCalls (which, highWaterMark) {
  const { code, stdout } = await runScript(which, `
    const calls = () => Number(/^syscw: (.*)$/m.exec(fs.readFileSync('/proc/self/io', 'latin1'))[1])
    const line = 'x'.repeat(99) + '\\n'
    const out = createWriteStream(file, { highWaterMark: given.highWaterMark })
    const before = calls()
    let at = 0
    const go = () => {
      while (at++ < ${LINES}) {
        if (!out.write(line)) return out.once('drain', go)
      }
      out.end()
    }
    go()
    out.on('close', () => console.log((calls() - before) / ${LINES / 1000}))`, { values: { highWaterMark } })
  expect(code).toBe(0)
  return Number(stdout)
}

test('lines go out by the slab, not by 16 KiB: system calls that write, JS\'s being woken among them', async () => {
  // One for each 100 KB is a slab at a time, and then some.
  expect(await writeCalls('spillway')).toBeLessThan(5)
  // Stock's default in Node 20; from 22 on it is higher.
  expect(await writeCalls('stock', 16 * 1024)).toBeGreaterThan(10)
})

/** Versions of V8 choose this size by rules of their own, and with it how much garbage is one collection. */
const YOUNG_GENERATION = ['--min-semi-space-size=16', '--max-semi-space-size=16']

/** How often the young generation was collected while ten million lines were written. */
async function scavenges (which) {
  const { code, stdout } = await runScript(which, `
    const line = 'x'.repeat(99) + '\\n'
    const out = createWriteStream('/dev/null', { highWaterMark: 1024 * 1024 })
    let at = 0
    const go = () => {
      while (at++ < 10_000_000) {
        if (!out.write(line)) return out.once('drain', go)
      }
      out.end()
    }
    go()`, { args: ['--trace-gc', ...YOUNG_GENERATION] })
  expect(code).toBe(0)
  return stdout.match(/Scavenge/g)?.length ?? 0
}

test('ten million writes leave no garbage but what the waits for drain do', async () => {
  expect(await scavenges('spillway')).toBeLessThan(5)
})

test('stock leaves some at each write: what the count above would show', async () => {
  expect(await scavenges('stock')).toBeGreaterThan(50)
})

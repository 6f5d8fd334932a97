'use strict'

// What a write costs, in counts that do not jitter: native calls, garbage.

const { once } = require('node:events')
const { createWriteStream } = require('..')
const { runScript } = require('./helpers/child.js')
const { Sink } = require('../lib/native.js')

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

test('small writes make at most one native call for each 32 KiB', async () => {
  const spies = Object.getOwnPropertyNames(Sink.prototype)
    .filter(name => name !== 'constructor')
    .map(name => jest.spyOn(Sink.prototype, name))
  try {
    await writeLines(createWriteStream('/dev/null'))
    const calls = spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0)
    // A slab each 64 KiB shows that the spies see them.
    expect(calls).toBeGreaterThan(LINES * LINE.length / (64 * 1024))
    expect(calls).toBeLessThan(LINES * LINE.length / (32 * 1024))
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
})

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
    go()`, { args: ['--trace-gc'] })
  expect(code).toBe(0)
  return stdout.match(/Scavenge/g)?.length ?? 0
}

test('ten million writes leave no garbage but what the waits for drain do', async () => {
  expect(await scavenges('spillway')).toBeLessThan(5)
})

test('stock leaves some at each write: what the count above would show', async () => {
  expect(await scavenges('stock')).toBeGreaterThan(50)
})

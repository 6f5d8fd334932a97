'use strict'

// Bytes reach the file while JS is busy.

const fs = require('node:fs')
const { createWriteStream } = require('../..')
const { Run, closed, opened } = require('../helpers/same-as-stock.js')

/** Waits without a turn of the event loop until `isSo`, or says after a while that it never was. */
function spinUntil (isSo) {
  const end = Date.now() + 20_000
  while (!isSo()) if (Date.now() > end) return false
  return true
}

const size = file => fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0

test('a loop that never yields: the file grows while it runs', async () => {
  const run = new Run({ createWriteStream })
  await run.result(async () => {
    const out = createWriteStream(run.path)
    let accepted = 0
    const isGrowing = spinUntil(() => {
      out.write('x'.repeat(100))
      accepted += 100
      return size(run.path) > 1_000_000
    })
    expect(isGrowing).toBe(true)
    // The run sees what it would see in Node: not one byte has been told yet.
    expect(out.writableLength).toBe(accepted)
    expect(out.bytesWritten).toBe(0)
    out.end()
    await closed(out)
    expect(size(run.path)).toBe(accepted)
  })
})

/**
 * Writes lines without a turn for a second, and looks at the file every 10 ms.
 * @returns {number} how much of what was older than 50 ms was in the file, as a part of it
 */
function partInTime (out, file) {
  const line = `${'x'.repeat(99)}\n`
  const looks = []
  const start = performance.now()
  let accepted = 0
  for (let elapsed = 0; elapsed < 1000; elapsed = performance.now() - start) {
    // 20 MB a second: a disk keeps up.
    while (accepted < elapsed * 20_000) {
      out.write(line)
      accepted += line.length
    }
    if (elapsed >= looks.length * 10) looks.push({ elapsed, accepted, size: size(file) })
  }
  let old = 0
  let inTime = 0
  for (const look of looks) {
    const due = looks.findLast(({ elapsed }) => elapsed <= look.elapsed - 50)?.accepted ?? 0
    old += due
    inTime += Math.min(look.size, due)
  }
  return inTime / old
}

test.each([
  ['spillway', createWriteStream, 0.9, 1],
  ['stock', fs.createWriteStream, 0, 0.001]
])('of a loop of a second, what is older than 50 ms is in the file, all but a tenth; by stock the first line: %s', async (name, createWriteStream, least, most) => {
  const run = new Run({ createWriteStream })
  await run.result(async () => {
    const out = createWriteStream(run.path)
    // Stock is not to wait for the opening.
    await opened(out)
    const part = partInTime(out, run.path)
    expect(part).toBeGreaterThanOrEqual(least)
    expect(part).toBeLessThanOrEqual(most)
    out.end()
    await closed(out)
  })
})

test.each([
  ['a line', 'x'.repeat(100)],
  ['a Buffer', Buffer.alloc(100, 'x')],
  ['a big Buffer', Buffer.alloc(100_000, 'x')]
])('%s is in the file soon, though JS does nothing but wait', async (name, chunk) => {
  const run = new Run({ createWriteStream })
  await run.result(async () => {
    const out = createWriteStream(run.path)
    // As with stock, nothing touches the file in the run that made the stream.
    await opened(out)
    out.write(chunk)
    expect(spinUntil(() => size(run.path) === chunk.length)).toBe(true)
    // Its job has ended meanwhile: there must be another.
    out.write(chunk)
    expect(spinUntil(() => size(run.path) === 2 * chunk.length)).toBe(true)
    out.end()
    await closed(out)
  })
})

test('a run sees no progress before its end, so that it is told false and yields', async () => {
  const run = new Run({ createWriteStream })
  await run.result(async () => {
    const out = createWriteStream(run.path, { highWaterMark: 1000 })
    await opened(out)
    for (let count = 1; count < 10; count++) {
      expect(out.write(Buffer.alloc(100))).toBe(true)
      expect(spinUntil(() => size(run.path) === count * 100)).toBe(true)
    }
    expect(out.write(Buffer.alloc(100))).toBe(false)
    out.end()
    await closed(out)
  })
})

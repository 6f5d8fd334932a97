'use strict'

// What cases have in common: how chunks come, one after the other.

const LINE = `${'x'.repeat(99)}\n`

/**
 * Writes until false, then goes on at 'drain'.
 * @param {import('node:stream').Writable} out
 * @param {(at: number) => string | Buffer} chunk
 * @param {number} count
 * @param {string} [encoding]
 */
function loop (out, chunk, count, encoding) {
  let at = 0
  const go = () => {
    while (at < count) {
      if (!out.write(chunk(at++), encoding)) return out.once('drain', go)
    }
    out.end()
  }
  go()
}

/** Writes `lines` chunks in each turn of the event loop. */
function eachTurn (out, chunk, count, lines) {
  let at = 0
  const go = () => {
    for (let line = 0; line < lines && at < count; line++) out.write(chunk(at++))
    if (at < count) setImmediate(go)
    else out.end()
  }
  go()
}

/**
 * So many writers, each of which waits for its write before the next.
 * @param {{ write: (chunk: string, callback: () => void) => unknown, end: () => unknown }} out
 */
function writers (out, chunk, count, number) {
  let [begun, told] = [0, 0]
  const next = error => {
    if (error) throw error
    if (++told === count) return out.end()
    if (begun < count) write()
  }
  const write = () => {
    begun++
    out.write(chunk, next)
  }
  while (begun < Math.min(number, count)) write()
}

/** A case that loops over one and the same chunk. */
const repeat = (chunk, count, rest) => ({ period: Buffer.from(chunk), count, run: (out, { count }) => loop(out, () => chunk, count), ...rest })

/** A case that writes so many lines in each turn. */
const turns = (lines, count, title) => ({
  title,
  period: Buffer.from(LINE),
  count,
  peers: [...ALL, 'sonic-boom'],
  run: (out, { count }) => eachTurn(out, () => LINE, count, lines)
})

/** Of a case that copies a file of 512 MiB. */
const SOURCE = { period: Buffer.alloc(64 * 1024, 'spillway '), count: 8192, readsSource: true }

const ALL = ['stock', 'stock-at-our-mark']
const PIPES = ['stock', 'stock-at-both-marks', 'without-copies']
const STRINGS = [...ALL, 'sonic-boom', 'sonic-boom-sync', 'utf8-stream', 'pino']

module.exports = { loop, repeat, turns, writers, SOURCE, ALL, PIPES, STRINGS, LINE }

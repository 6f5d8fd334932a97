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

/** Lines of a server's log, of some 160 bytes. What varies there does so at random here, in each process in the same way. */
function logLines (count) {
  let seed = 1
  const random = below => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31
    return Math.floor(seed / 2 ** 31 * below)
  }
  const line = at => JSON.stringify({
    level: [30, 30, 30, 40, 50][random(5)],
    time: 1_700_000_000_000 + at * 7 + random(7),
    pid: 4711,
    hostname: `web-${random(4)}`,
    reqId: random(2 ** 31).toString(36),
    method: ['GET', 'GET', 'POST', 'PUT'][random(4)],
    url: `/items/${random(1000)}`,
    status: [200, 200, 200, 304, 404][random(5)],
    ms: random(1000) / 10,
    msg: ['request completed', 'request aborted', 'upstream timed out'][random(3)]
  }) + '\n'
  return Array.from({ length: count }, (_, at) => line(at))
}

/** What a log is compressed by, and who reads it. */
const FORMATS = {
  gzip: { compress: 'gzip', decoder: 'gzip -dc', peers: ['zlib-gzip', 'zlib-gzip-at-our-mark'] },
  zstd: { compress: 'zstd', decoder: 'zstd -dc', peers: ['zlib-zstd', 'zlib-zstd-at-our-mark'] }
}

/** A case that compresses `count` parts of a log: its lines, or chunks of 64 KiB. */
function compressed (format, parts, count, rest) {
  const log = logLines(20_000)
  const bytes = Buffer.from(log.join(''))
  const size = 64 * 1024
  const chunks = Array.from({ length: Math.floor(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size))
  const all = { lines: log, chunks: chunks.slice(0, 40) }[parts]
  const { compress, decoder, peers } = FORMATS[format]
  return {
    period: Buffer.concat(all.map(part => Buffer.from(part))),
    perPeriod: all.length,
    count,
    options: { compress },
    decoder,
    peers,
    run: (out, { count }) => loop(out, at => all[at % all.length], count),
    ...rest
  }
}

/** Of a case that copies a file of 512 MiB. */
const SOURCE = { period: Buffer.alloc(64 * 1024, 'spillway '), count: 8192, readsSource: true }

const ALL = ['stock', 'stock-at-our-mark']
const PIPES = ['stock', 'stock-at-both-marks', 'without-copies']
const STRINGS = [...ALL, 'sonic-boom', 'sonic-boom-sync', 'utf8-stream', 'pino']

module.exports = { loop, repeat, turns, writers, logLines, compressed, SOURCE, ALL, PIPES, STRINGS, LINE }

'use strict'

const { STRINGS, loop } = require('../producers.js')

/** A thousand log lines, of some 150 bytes each. */
const lines = Array.from({ length: 1000 }, (_, at) => JSON.stringify({
  level: 10 * (1 + at % 6),
  time: 1_700_000_000_000 + at * 37,
  pid: 4711,
  hostname: 'web-3',
  reqId: (at * 7919 % 100_003).toString(36),
  method: ['GET', 'POST', 'PUT'][at % 3],
  url: `/items/${at * 31 % 977}`,
  msg: 'request completed'.slice(at % 5)
}) + '\n')

module.exports = {
  title: 'varied JSON lines of about 150 bytes',
  period: Buffer.from(lines.join('')),
  perPeriod: lines.length,
  count: 2_000_000,
  peers: [...STRINGS, 'memory'],
  run: (out, { count }) => loop(out, at => lines[at % lines.length], count)
}

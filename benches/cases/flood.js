'use strict'

const { LINE, ALL } = require('../producers.js')

module.exports = {
  title: 'lines of 100 bytes, false ignored',
  period: Buffer.from(LINE),
  count: 3_000_000,
  peers: [...ALL, 'sonic-boom'],
  /** `onLine(at)` is for those who look on. */
  run (out, { count, onLine = () => {} }) {
    for (let at = 0; at < count; at++) {
      out.write(LINE)
      onLine(at)
    }
    out.end()
  }
}

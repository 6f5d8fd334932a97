'use strict'

const { ALL, LINE } = require('../producers.js')

module.exports = {
  title: 'lines of 100 bytes, each with a callback',
  period: Buffer.from(LINE),
  count: 1_000_000,
  peers: ALL,
  run (out, { count }) {
    let called = 0
    const onWritten = error => {
      if (error) throw error
      called++
    }
    let at = 0
    const go = () => {
      while (at < count) {
        at++
        if (!out.write(LINE, onWritten)) return out.once('drain', go)
      }
      out.end()
    }
    out.once('finish', () => {
      if (called !== count) throw new Error(`${called} callbacks of ${count}`)
    })
    go()
  }
}

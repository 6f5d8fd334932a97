'use strict'

const { pbkdf2 } = require('node:crypto')
const { LINE, STRINGS, loop } = require('../producers.js')

module.exports = {
  title: 'lines of 100 bytes beside a busy libuv pool',
  period: Buffer.from(LINE),
  count: 200_000,
  peers: STRINGS.slice(0, 3),
  run (out, { count }) {
    let isDone = false
    const burn = () => isDone || pbkdf2('password', 'salt', 2000, 64, 'sha512', burn)
    for (let at = 0; at < 8; at++) burn()
    out.once('close', () => { isDone = true })
    loop(out, () => LINE, count)
  }
}

'use strict'

// A log that logrotate moves: at SIGHUP it is opened anew. Run it, and in another terminal
//
//   mv app.log app.log.1 && kill -HUP $(cat app.pid)
//
// SIGUSR2 has it hold its lines back, for logrotate's copytruncate, and say so by app.paused; SIGHUP ends that.

const fs = require('node:fs')
const { createWriteStream } = require('../..')

const [, , name = 'app', count = '1000000', each = '1000'] = process.argv

const out = createWriteStream(`${name}.log`, { flags: 'a' })
fs.writeFileSync(`${name}.pid`, String(process.pid))

process.on('SIGUSR2', () => {
  out.flushSync()
  out.cork()
  fs.writeFileSync(`${name}.paused`, '')
})

process.on('SIGHUP', () => {
  if (out.writableCorked > 0) out.uncork()
  else out.reopen()
})

// A hundred times a second.
let number = 0
const timer = setInterval(() => {
  for (let left = Number(each); left > 0 && number < Number(count); left--) out.write(`line ${number++} of a log that is rotated\n`)
  if (number < Number(count)) return
  clearInterval(timer)
  out.end()
}, 10)

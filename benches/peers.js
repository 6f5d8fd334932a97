'use strict'

// Who is measured: ours, other ways to write a file from Node, and ceilings,
// which nobody who does the same work can pass.

const fs = require('node:fs')
const { Writable } = require('node:stream')

/** Our default mark, in bytes. */
const OUR_MARK = 1024 * 1024

/** SonicBoom and its like gather that much, in bytes, before they write: what pino's documentation uses for asynchronous logs. */
const minLength = 4096

/** The work of a string's bytes, and nothing else: into one slab, over and over. */
class Memory extends Writable {
  bytes = Buffer.alloc(64 * 1024)
  mark = 0

  write (string) {
    if (string.length * 3 > this.bytes.length - this.mark) this.mark = 0
    this.mark += this.bytes.utf8Write(string, this.mark)
    return true
  }
}

/**
 * `open(file, mark)` gives what has write(), end(), 'drain' and 'close'. The
 * mark is in bytes; undefined means their own default.
 */
const PEERS = {
  spillway: { title: 'spillway', open: (file, highWaterMark) => require('..').createWriteStream(file, { highWaterMark }) },
  stock: { title: 'stock, its defaults', open: (file, highWaterMark) => fs.createWriteStream(file, { highWaterMark }) },
  'stock-at-our-mark': { title: 'stock, our mark', open: file => fs.createWriteStream(file, { highWaterMark: OUR_MARK }) },
  'sonic-boom': { title: 'SonicBoom, asynchronous', open: dest => new (require('sonic-boom'))({ dest, sync: false, minLength }) },
  'sonic-boom-sync': { title: 'SonicBoom, synchronous', open: dest => new (require('sonic-boom'))({ dest, sync: true, minLength }) },
  pino: { title: 'pino.destination', open: dest => require('pino').destination({ dest, sync: false, minLength }) },
  'utf8-stream': { title: 'fs.Utf8Stream', isMissing: fs.Utf8Stream === undefined, open: dest => new fs.Utf8Stream({ dest, sync: false, minLength }) },
  memory: { title: 'bare utf8Write into memory', isCeiling: true, open: () => new Memory() },
  nothing: { title: 'reading alone', isCeiling: true, open: () => new Writable({ write: (chunk, encoding, callback) => callback() }) }
}

module.exports = { PEERS, OUR_MARK }

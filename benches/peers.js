'use strict'

// Who is measured: ours, other ways to write a file from Node, and ceilings,
// which nobody who does the same work can pass.

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const { Writable } = require('node:stream')

/** Our default high-water mark, in bytes. */
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
 * `load()` gives `open(file, mark)`, which gives what has write(), end(),
 * 'drain' and 'close'. The high-water mark is in bytes; undefined means their own default.
 * `reader` has the options of the `fs.createReadStream` that is piped into it.
 * `copy(source, file)` is for who copies a file without us: a process of its
 * own, whose time alone counts.
 */
const PEERS = {
  spillway: {
    title: 'spillway',
    load () {
      const { createWriteStream } = require('..')
      return (file, highWaterMark) => createWriteStream(file, { highWaterMark })
    }
  },
  stock: {
    title: 'stock, its defaults',
    load: () => (file, highWaterMark) => fs.createWriteStream(file, { highWaterMark })
  },
  'stock-at-our-mark': {
    title: 'stock, our high-water mark',
    load: () => file => fs.createWriteStream(file, { highWaterMark: OUR_MARK })
  },
  'stock-at-both-marks': {
    title: 'stock, our high-water mark on both sides',
    reader: { highWaterMark: OUR_MARK },
    load: () => file => fs.createWriteStream(file, { highWaterMark: OUR_MARK })
  },
  'without-copies': {
    title: 'spillway, kernelCopy: false',
    load () {
      const { createWriteStream } = require('..')
      return (file, highWaterMark) => createWriteStream(file, { highWaterMark, kernelCopy: false })
    }
  },
  'sonic-boom': {
    title: 'SonicBoom, asynchronous',
    load () {
      const SonicBoom = require('sonic-boom')
      return dest => new SonicBoom({ dest, sync: false, minLength })
    }
  },
  'sonic-boom-sync': {
    title: 'SonicBoom, synchronous',
    load () {
      const SonicBoom = require('sonic-boom')
      return dest => new SonicBoom({ dest, sync: true, minLength })
    }
  },
  pino: {
    title: 'pino.destination',
    load () {
      const { destination } = require('pino')
      return dest => destination({ dest, sync: false, minLength })
    }
  },
  'utf8-stream': {
    title: 'fs.Utf8Stream',
    isMissing: fs.Utf8Stream === undefined,
    load: () => dest => new fs.Utf8Stream({ dest, sync: false, minLength })
  },
  memory: { title: 'bare utf8Write into memory', isCeiling: true, load: () => () => new Memory() },
  nothing: {
    title: 'reading alone',
    isCeiling: true,
    load: () => () => new Writable({ write: (chunk, encoding, callback) => callback() })
  },
  cp: {
    title: 'cp',
    isCeiling: true,
    copy: (source, file) => spawn('cp', [source, file], { stdio: 'ignore' })
  }
}

module.exports = { PEERS, OUR_MARK }

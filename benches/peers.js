'use strict'

// Who is measured: ours, other ways to write a file from Node, and ceilings,
// which nobody who does the same work can pass.

const { spawn } = require('node:child_process')
const { createHash } = require('node:crypto')
const { EventEmitter } = require('node:events')
const fs = require('node:fs')
const { Writable } = require('node:stream')
const zlib = require('node:zlib')

/** Our default high-water mark, in bytes. */
const OUR_MARK = 1024 * 1024

/** SonicBoom and its like gather that much, in bytes, before they write: what pino's documentation uses for asynchronous logs. */
const minLength = 4096

/** One that hands its bytes on to another, whose 'close' is that of both. */
function into (first, last) {
  first.pipe(last).once('close', () => first.emit('close'))
  return first
}

/** Of zlib's streams what ends with the file, not before. */
const zlibOptions = { emitClose: false }

/** What is told of each write when it is on the device, by one call for each. */
class Handle extends EventEmitter {
  constructor (file) {
    super()
    this.opened = fs.promises.open(file, 'a')
    this.left = 0
  }

  async write (chunk, callback) {
    this.left++
    const handle = await this.opened
    await handle.write(chunk)
    await handle.datasync()
    this.left--
    callback()
    if (this.isEnded && this.left === 0) await this.close()
  }

  async end () {
    this.isEnded = true
    if (this.left === 0) await this.close()
  }

  async close () {
    await (await this.opened).close()
    this.emit('close')
  }
}

/** A function of a whole file, as what the file is given to. */
class WholeFile extends EventEmitter {
  constructor (write) {
    super()
    this.end = async chunk => {
      await write(chunk)
      this.emit('close')
    }
  }
}

/** What digests each chunk in JavaScript, and writes it with stock. */
function hashed (file, highWaterMark) {
  const hash = createHash('sha256')
  const out = fs.createWriteStream(file, { highWaterMark })
  const { write } = out
  out.write = (chunk, ...rest) => {
    hash.update(chunk)
    return write.call(out, chunk, ...rest)
  }
  out.digest = () => hash.digest()
  return out
}

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
 * `load()` gives `open(file, mark, options)`, which gives what has write(), end(),
 * 'drain' and 'close'. The options are the case's, and ours alone. The high-water mark is in bytes; undefined means their own default.
 * `reader` has the options of the `fs.createReadStream` that is piped into it.
 * `copy(source, file)` is for who copies a file without us: a process of its
 * own, whose time alone counts.
 */
const PEERS = {
  spillway: {
    title: 'spillway',
    load () {
      const { createWriteStream } = require('..')
      return (file, highWaterMark, options) => createWriteStream(file, { highWaterMark, ...options })
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
  'zlib-gzip': {
    title: 'zlib.createGzip() into stock',
    load: () => file => into(zlib.createGzip(zlibOptions), fs.createWriteStream(file))
  },
  'zlib-gzip-at-our-mark': {
    title: 'the same, our mark on both sides',
    load: () => file => into(zlib.createGzip({ ...zlibOptions, highWaterMark: OUR_MARK, chunkSize: 65536 }), fs.createWriteStream(file, { highWaterMark: OUR_MARK }))
  },
  'zlib-zstd': {
    title: 'zlib.createZstdCompress() into stock',
    isMissing: zlib.createZstdCompress === undefined,
    load: () => file => into(zlib.createZstdCompress(zlibOptions), fs.createWriteStream(file))
  },
  'zlib-zstd-at-our-mark': {
    title: 'the same, our mark on both sides',
    isMissing: zlib.createZstdCompress === undefined,
    load: () => file => into(zlib.createZstdCompress({ ...zlibOptions, highWaterMark: OUR_MARK, chunkSize: 65536 }), fs.createWriteStream(file, { highWaterMark: OUR_MARK }))
  },
  'sha256-alone': {
    title: 'spillway, one digest',
    load () {
      const { createWriteStream } = require('..')
      return (file, highWaterMark) => createWriteStream(file, { highWaterMark, digest: 'sha256' })
    }
  },
  'crypto-tap': { title: 'crypto.createHash() before stock', load: () => hashed },
  'file-handle': {
    title: 'FileHandle.write() and .datasync()',
    load: () => file => new Handle(file)
  },
  'write-file-atomic': {
    title: 'write-file-atomic',
    load () {
      const writeFileAtomic = require('write-file-atomic')
      return file => new WholeFile(chunk => writeFileAtomic(file, chunk))
    }
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

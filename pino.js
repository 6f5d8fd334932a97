'use strict'

// A transport for pino, which calls this in a worker thread of its own:
// https://getpino.io/#/docs/transports

const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { nextTick } = require('node:process')
const { createWriteStream } = require('./index.js')

/** A descriptor is its owner's to close: the worker ends before the process does. */
const keepsOpen = { ...fs, close: (fd, callback) => nextTick(callback, null) }

/**
 * @param {object} [options] `destination`: a path, or a descriptor; `mkdir`, `append`; `rotate`, whose files `compress` concerns; the rest is createWriteStream's
 * @returns {Promise<import('.').WriteStream>} open
 */
module.exports = async function ({ destination = 1, mkdir = false, append = true, rotate, compress, ...options } = {}) {
  // What pino hands over may end within a line.
  const files = rotate ? { rotate: { lines: true, compress, ...rotate } } : { compress }
  if (typeof destination === 'number') {
    return createWriteStream('', { ...options, ...files, fd: destination, fs: keepsOpen })
  }
  if (mkdir) await fs.promises.mkdir(path.dirname(destination), { recursive: true })
  const out = createWriteStream(destination, { ...options, ...files, mkdir, flags: append ? 'a' : 'w' })
  await once(out, 'ready')
  return out
}

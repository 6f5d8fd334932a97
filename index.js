'use strict'

const WriteStream = require('./lib/write-stream.js')

/**
 * Opens a writable stream into a file, as `fs.createWriteStream`.
 * See https://nodejs.org/api/fs.html#fscreatewritestreampath-options
 *
 * @param {string | Buffer | URL} path
 * @param {string | object} [options] as `fs.createWriteStream` takes them, and those of spillway
 * @returns {WriteStream}
 */
function createWriteStream (path, options) {
  return new WriteStream(path, options)
}

module.exports = { createWriteStream, WriteStream }

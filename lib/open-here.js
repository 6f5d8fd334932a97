'use strict'

// Files that are opened on this thread: where Rust can't open them, or nobody may wait.

const { Buffer } = require('node:buffer')
const fs = require('node:fs')
const errors = require('./errors.js')
const { folderOf } = require('./open-arguments.js')

const { statSync } = fs

/** Whether an open would wait for a reader. */
function isFifo (path) {
  return statSync(path, { throwIfNoEntry: false })?.isFIFO() === true
}

function makeFolders (path) {
  fs.mkdirSync(folderOf(path), { recursive: true })
}

/**
 * Opens the file of a stream. An open in libuv's pool that the end of the process
 * overtakes would empty the file behind us.
 * @param {typeof fs.openSync} openSync
 * @param {fs.WriteStream} stream
 * @param {boolean} mkdir whether folders that are missing are made
 * @returns {number | null} the descriptor; null: it can't be had now
 */
function open (openSync, { path, flags, mode }, mkdir) {
  try {
    if (isFifo(path)) return null
    if (mkdir) makeFolders(path)
    return openSync(path, flags, mode)
  } catch {
    return null
  }
}

/**
 * Opens the file that takes the place of the stream's when it is whole.
 * @param {import('../native').Sink} sink
 * @param {fs.WriteStream} stream
 * @param {boolean} mkdir whether folders that are missing are made
 * @param {boolean} durable whether it is on the device before
 * @returns {number | Error} the descriptor, or why it can't be had
 */
function openReplacement (sink, { path, flags, mode }, mkdir, durable) {
  try {
    if (mkdir) makeFolders(path)
    const place = sink.replace(Buffer.from(path), flags === 'wx', durable)
    return place.errno === undefined ? fs.openSync(place.path, place.flags, mode) : errors.failed(place, 'open', path)
  } catch (error) {
    return error.syscall === 'open' ? errors.failed({ errno: -error.errno }, 'open', path) : error
  }
}

module.exports = { open, openReplacement }

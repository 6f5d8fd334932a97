'use strict'

// What a file is opened with, as Rust and the system take it.

const { Buffer } = require('node:buffer')
const fs = require('node:fs')
const path = require('node:path')

const { O_APPEND, O_CREAT, O_EXCL, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } = fs.constants

/** What each letter of a file system flag means: https://nodejs.org/api/fs.html#file-system-flags */
const FLAGS = new Map(Object.entries({
  'r+': O_RDWR,
  'rs+': O_RDWR | O_SYNC,
  w: O_TRUNC | O_CREAT | O_WRONLY,
  wx: O_TRUNC | O_CREAT | O_WRONLY | O_EXCL,
  'w+': O_TRUNC | O_CREAT | O_RDWR,
  'wx+': O_TRUNC | O_CREAT | O_RDWR | O_EXCL,
  a: O_APPEND | O_CREAT | O_WRONLY,
  ax: O_APPEND | O_CREAT | O_WRONLY | O_EXCL,
  as: O_APPEND | O_CREAT | O_WRONLY | O_SYNC,
  'a+': O_APPEND | O_CREAT | O_RDWR,
  'ax+': O_APPEND | O_CREAT | O_RDWR | O_EXCL,
  'as+': O_APPEND | O_CREAT | O_RDWR | O_SYNC
}))

/** @returns {number | undefined} undefined: Node is to read them, or to refuse */
function toFlags (flags) {
  return Number.isInteger(flags) && flags === (flags | 0) ? flags : FLAGS.get(flags)
}

function isMode (mode) {
  return Number.isInteger(mode) && mode >= 0 && mode <= 0o7777
}

/** Whether `path` is one that open(2) can be given. */
function isPath (path) {
  return (typeof path === 'string' || Buffer.isBuffer(path)) && path.length > 0 && !path.includes('\0')
}

/** The folder of the file at `path`. @returns {string | Buffer} */
function folderOf (name) {
  return typeof name === 'string' ? path.dirname(name) : Buffer.from(path.dirname(name.toString('latin1')), 'latin1')
}

module.exports = { folderOf, isMode, isPath, toFlags }

'use strict'

// Files that take nothing, or take no more.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const { Socket } = require('node:net')
const path = require('node:path')

/** How long the end of a pipe keeps its process alive, in milliseconds. */
const PATIENCE = 10_000

/**
 * A FIFO in `folder` with a reader who does not read until it is asked to.
 * @returns {{ path: string, read: () => Promise<Buffer>, close: () => void }} `read` reads to the end
 */
function stuckPipe (folder, name = 'fifo') {
  const fifo = path.join(folder, name)
  execFileSync('mkfifo', [fifo])
  const fd = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  let socket = null
  const read = () => {
    socket = new Socket({ fd, writable: false })
    // A program waits for the end, which comes behind that of the writer; a test that has failed not for one that never comes.
    const keeper = setTimeout(() => {}, PATIENCE)
    return socket.unref().toArray().then(Buffer.concat).finally(() => clearTimeout(keeper))
  }
  return { path: fifo, read, close: () => socket === null ? fs.closeSync(fd) : socket.destroy() }
}

/** A file system of `size` bytes, or null where this process may not mount one. */
function smallDisk (size) {
  const folder = fs.mkdtempSync('/tmp/spillway-disk-')
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    fs.rmdirSync(folder)
    return null
  }
  const remove = () => {
    // At the end of a process its files may be open.
    execFileSync('umount', ['--lazy', folder])
    fs.rmdirSync(folder)
  }
  return { folder, remove }
}

module.exports = { stuckPipe, smallDisk }

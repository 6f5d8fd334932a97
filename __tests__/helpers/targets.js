'use strict'

// Files that take nothing, or take no more.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

/**
 * A FIFO in `folder` with a reader who does not read until it is asked to.
 * @returns {{ path: string, read: () => Promise<Buffer>, close: () => void }} `read` reads to the end
 */
function stuckPipe (folder, name = 'fifo') {
  const fifo = path.join(folder, name)
  execFileSync('mkfifo', [fifo])
  const fd = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  const read = async () => {
    const parts = []
    // The other end is open by then: the kernel says EAGAIN, and then the end.
    for (;;) {
      const part = Buffer.alloc(65536)
      try {
        const count = fs.readSync(fd, part)
        if (count === 0) break
        parts.push(part.subarray(0, count))
      } catch (error) {
        if (error.code !== 'EAGAIN') throw error
        await new Promise(resolve => setImmediate(resolve))
      }
    }
    return Buffer.concat(parts)
  }
  return { path: fifo, read, close: () => fs.closeSync(fd) }
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

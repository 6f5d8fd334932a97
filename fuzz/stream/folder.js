'use strict'

// A folder for one play, and an account of what is open in it.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

/** In memory, if there is such a place: twenty thousand programs need not wear out a disk. */
const ROOT = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir()

const base = fs.mkdtempSync(path.join(ROOT, 'spillway-fuzz-'))
process.on('exit', () => fs.rmSync(base, { recursive: true, force: true }))
let count = 0

class Folder {
  constructor () {
    this.path = path.join(base, String(++count))
    fs.mkdirSync(this.path)
    this.anonymous = text => text.replaceAll(this.path, '').replaceAll(`${base}/`, '')
  }

  /** @param {string} name of a file */
  of (name) {
    return path.join(this.path, name)
  }

  /** @returns {Map<string, Buffer>} the files by name and mode, and what is in them */
  files () {
    const files = new Map()
    for (const name of fs.readdirSync(this.path, { recursive: true })) {
      const stat = fs.statSync(this.of(name))
      if (stat.isFile() && name !== 'source') files.set(`${name} ${stat.mode.toString(8)}`, fs.readFileSync(this.of(name)))
    }
    return files
  }

  /** @returns {number[]} descriptors that are open on something in here, or on /dev/full */
  descriptors () {
    return fs.readdirSync('/proc/self/fd').map(Number).filter(fd => {
      const target = targetOf(fd)
      return target === '/dev/full' || target.startsWith(`${this.path}/`)
    })
  }

  /** Whether `fd` is open on a file that is written here: not on a source that got its number. */
  hasOpen (fd) {
    return this.descriptors().includes(fd) && targetOf(fd) !== this.of('source')
  }

  remove () {
    fs.rmSync(this.path, { recursive: true, force: true })
  }
}

function targetOf (fd) {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    // That of readdir itself, closed by now.
    return ''
  }
}

module.exports = Folder

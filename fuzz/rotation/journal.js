'use strict'

// What a log was given, where it may be cut, and whether its files are that.

/** How many bytes may be one entry of the queue, of a file's size: see lib/rotation.js. */
const PARTS = 16

class Journal {
  constructor () {
    /** What was accepted, and up to where it is known to be in the files. */
    this.chunks = []
    this.length = 0
    this.down = 0
    /** What the files have lost, since they were removed. */
    this.removed = 0
    /** Where chunks end; and the parts that may be cut anywhere. */
    this.ends = new Set([0])
    this.copies = []
    /** Where streams began. */
    this.starts = new Set()
    this.seed = 1
  }

  /** A stream begins. */
  begin () {
    this.starts.add(this.length)
  }

  /** Bytes that are not like others, with ends of lines among them. */
  bytes (length) {
    const bytes = Buffer.allocUnsafe(length)
    for (let at = 0; at < length; at++) {
      this.seed = Math.imul(this.seed, 1664525) + 1013904223 | 0
      const letter = this.seed >>> 24
      bytes[at] = letter < 5 ? 10 : 33 + letter % 90
    }
    return bytes
  }

  /** @returns {[unknown, string | undefined, Buffer]} a chunk, its encoding, and its bytes */
  chunk (kind, length) {
    const bytes = this.bytes(length)
    if (kind === 'buffer') return [bytes, undefined, bytes]
    if (kind === 'Uint8Array') return [new Uint8Array(bytes), undefined, bytes]
    if (kind === 'hex') return [bytes.toString('hex'), 'hex', bytes]
    if (kind === 'latin1') return [bytes.toString('latin1'), 'latin1', bytes]
    // Some letters have two bytes and some three.
    const text = bytes.toString('latin1').replaceAll('x', 'é').replaceAll('q', '€')
    return [text, undefined, Buffer.from(text)]
  }

  /** @returns {number} where the bytes end */
  accept (bytes, isCopy = false) {
    if (isCopy) this.copies.push([this.length, this.length + bytes.length])
    this.chunks.push(bytes)
    this.length += bytes.length
    this.ends.add(this.length)
    return this.length
  }

  /** All up to `end` is in the files. */
  isDown (end) {
    this.down = Math.max(this.down, end)
  }

  /**
   * The stream is closed: what is in the files now is what the next one goes on behind.
   * @param {{ name: string, bytes: Buffer, isClosed: boolean }[]} files
   * @returns {string[]} what is wrong of them
   */
  compare (files, program) {
    const all = Buffer.concat(this.chunks)
    const found = Buffer.concat(files.map(({ bytes }) => bytes))
    const start = this.findStart(all, found, program)
    if (start < 0) return [`the files are not what was written: ${describe(all, found)}`]
    this.removed = start
    const end = start + found.length
    if (end < this.down) return [`${end} bytes are in the files, and ${this.down} were said to be`]
    this.chunks = [all.subarray(0, end)]
    this.length = this.down = end
    const problems = this.wrongFiles(files, start, all, program)
    // What was dropped is not what comes there now.
    this.ends = new Set([...this.ends].filter(offset => offset <= end)).add(end)
    this.copies = this.copies.filter(([from]) => from < end).map(([from, to]) => [from, Math.min(to, end)])
    return problems
  }

  /** Where the files begin; -1: they are something else. */
  findStart (all, found, { keep }) {
    if (keep === 'all') return all.subarray(0, found.length).equals(found) ? 0 : -1
    // What was destroyed may lack its end.
    for (let end = all.length; end >= Math.max(this.down, this.removed + found.length); end--) {
      if (all.subarray(end - found.length, end).equals(found)) return end - found.length
    }
    return -1
  }

  wrongFiles (files, start, all, { size, lines, interval }) {
    const problems = []
    for (const { name, bytes, isClosed } of files) {
      const end = start + bytes.length
      const isCopied = this.copies.some(([from, to]) => from < end && to > start)
      const mayEnd = lines ? bytes.at(-1) === 10 || this.starts.has(end) : this.ends.has(end) || isCopied
      if (isClosed && !mayEnd) problems.push(`${name} ends at ${end}, within a ${lines ? 'line' : 'chunk'}`)
      if (bytes.length > size && !isCopied && !this.isOnePiece(start, end, all, lines, size)) problems.push(`${name} has ${bytes.length} bytes of ${size}`)
      if (isClosed && !isCopied && !lines && interval !== '1s' && !this.isFull(end, bytes.length, size)) problems.push(`${name} was closed with ${bytes.length} bytes of ${size}`)
      start = end
    }
    return problems
  }

  /** Whether there is one chunk, or no line behind what may be in a file. */
  isOnePiece (start, end, all, lines, size) {
    if (lines) return all.lastIndexOf(10, end - 2) < start + size
    return ![...this.ends].some(offset => offset > start && offset < end)
  }

  /** Whether what comes next, of the bytes that may be one entry, would have been too much. */
  isFull (end, length, size) {
    const next = Math.min(...[...this.ends].filter(offset => offset > end))
    return length + Math.max(Math.floor(size / PARTS), next - end) > size
  }
}

function describe (all, found) {
  const at = found.findIndex((byte, index) => byte !== all[index])
  return `${found.length} bytes of ${all.length}, the first other one at ${at}`
}

module.exports = Journal

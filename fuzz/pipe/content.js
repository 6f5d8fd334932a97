'use strict'

// What flows in a program: bytes that tell where they come from. Those of the source
// are below 128, and each eight of them tell their own offset. What a program writes
// itself is 128 and above, and tells the number of the write and its size.

const UNIT = 8

/** The longest source there is. */
const MOST = 8 * 1024 * 1024

/** First byte of a piece of the program's own. */
const MARK = 0xff

/** @returns {Buffer} the first bytes of all sources */
function numbered () {
  const bytes = Buffer.alloc(MOST)
  for (let at = 0; at < MOST; at += UNIT) {
    bytes[at] = 0x53
    let number = at / UNIT
    for (let digit = UNIT - 1; digit > 0; digit--) {
      bytes[at + digit] = number & 0x7f
      number >>>= 7
    }
  }
  return bytes
}

const SOURCE = numbered()

/** Bytes of the head of a piece: mark, number, size. */
const HEAD = 6

/** @returns {Buffer} `size` bytes, and at least a head, that say that they are piece number `number` */
function piece (number, size) {
  size = Math.max(size, HEAD)
  const bytes = Buffer.alloc(size, 0x80 | (number & 0x3f))
  bytes[0] = MARK
  bytes[1] = 0x80 | number
  for (let digit = HEAD - 1, left = size; digit > 1; digit--, left >>>= 7) bytes[digit] = 0x80 | (left & 0x7f)
  // No mark within.
  for (let digit = 1; digit < HEAD; digit++) if (bytes[digit] === MARK) bytes[digit] = 0xfe
  return bytes
}

/** Where `part` of a source may lie. @returns {number} -1: nowhere */
function placeOf (part) {
  if (part.length <= 2 * UNIT) return SOURCE.indexOf(part)
  // A unit tells where it is, if it is one: its first byte may be one of another, too.
  for (let mark = part.indexOf(0x53); mark >= 0 && mark < UNIT; mark = part.indexOf(0x53, mark + 1)) {
    let number = 0
    for (let digit = 1; digit < UNIT; digit++) number = number * 128 + part[mark + digit]
    const place = number * UNIT - mark
    if (place >= 0 && SOURCE.subarray(place, place + part.length).equals(part)) return place
  }
  return -1
}

/**
 * Takes apart what came out of a program.
 * @param {Buffer} bytes
 * @returns {({ from: number, to: number } | { number: number, bytes: Buffer } | { wrong: string })[]} runs of the source, and pieces
 */
function parse (bytes) {
  const parts = []
  let next = 0
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] === MARK) {
      const end = endOfPiece(bytes, at)
      parts.push({ number: bytes[at + 1] & 0x7f, bytes: bytes.subarray(at, end) })
      at = end
      continue
    }
    const mark = bytes.indexOf(MARK, at)
    const end = mark < 0 ? bytes.length : mark
    for (const run of runsOf(bytes.subarray(at, end), next)) {
      parts.push(run)
      if (run.wrong === undefined) next = run.to
    }
    at = end
  }
  return parts
}

function endOfPiece (bytes, at) {
  let end = at + 1
  while (end < bytes.length && bytes[end] >= 0x80 && bytes[end] !== MARK) end++
  return end
}

/** Splits `part` where it jumps within the source. */
function runsOf (part, next) {
  const runs = []
  for (let at = 0; at < part.length;) {
    const [from, length] = longestRun(part, at, next)
    if (length === 0) return [...runs, { wrong: `${part.length - at} bytes, ${part.subarray(at, at + 16).toString('hex')}` }]
    runs.push({ from, to: from + length })
    next = from + length
    at += length
  }
  return runs
}

/** The longest run of the source that `part` has from `at` on: `[from, length]`. */
function longestRun (part, at, next) {
  const here = commonLength(part, at, next)
  if (here === part.length - at) return [next, here]
  const place = placeOf(part.subarray(at, Math.min(part.length, at + 3 * UNIT)))
  const there = place < 0 ? 0 : commonLength(part, at, place)
  return here > there ? [next, here] : [place, there]
}

function commonLength (part, at, from) {
  const most = Math.min(part.length - at, MOST - from)
  if (SOURCE.subarray(from, from + most).equals(part.subarray(at, at + most))) return most
  let [low, high] = [0, most]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (SOURCE.subarray(from, from + middle).equals(part.subarray(at, at + middle))) low = middle
    else high = middle - 1
  }
  return low
}

module.exports = { SOURCE, MOST, HEAD, piece, parse }

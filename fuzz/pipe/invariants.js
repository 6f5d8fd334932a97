'use strict'

// What is to hold of every play, whatever its moments were.

const { piece } = require('./content.js')

/** @returns {string[]} what does not hold */
function problemsOf (play) {
  return [...orderOf(play), ...gapsOf(play), ...overlapsOf(play), ...piecesOf(play), ...countsOf(play)]
}

/** Nobody gets a byte twice, or out of order, or one that is not of the source. */
function orderOf ({ receivers }) {
  const problems = []
  for (const { name, parts } of receivers) {
    let next = -1
    for (const { from, to, wrong } of parts) {
      if (wrong !== undefined) problems.push(`${name} has got what nobody sent: ${wrong}`)
      if (from < next) problems.push(`${name} has got ${from} behind ${next}`)
      next = to ?? next
    }
  }
  return problems
}

/** What was read has come to somebody. */
function gapsOf ({ receivers, first, delivered, mayLeak }) {
  if (mayLeak || receivers.some(({ mayLack }) => mayLack)) return []
  const runs = receivers.flatMap(receiver => receiver.runs).sort((one, other) => one.from - other.from)
  let next = first
  for (const { from, to } of runs) {
    if (from > next) return [`nobody has got ${next} to ${from}`]
    next = Math.max(next, to)
  }
  return delivered === undefined || next === first + delivered ? [] : [`${delivered} bytes were read from ${first} on, and they came up to ${next}`]
}

/** Who was detached before another was attached has got what comes before. */
function overlapsOf ({ receivers }) {
  const problems = []
  for (const one of receivers) {
    for (const other of receivers) {
      if (one === other || one.to >= other.from) continue
      const [last, first] = [one.runs.at(-1)?.to ?? -1, other.runs[0]?.from ?? Infinity]
      if (last > first) problems.push(`${one.name} has got bytes up to ${last}, and ${other.name} those from ${first} on`)
    }
  }
  return problems
}

/** What the program has written is whole, and in order; what was called back is there. */
function piecesOf ({ receivers: [target], pieces }) {
  const problems = []
  const there = target.pieces.map(({ number }) => number)
  if (there.some((number, at) => number <= there[at - 1])) problems.push(`the writes ${there} are in the file`)
  for (const [at, { number, bytes }] of target.pieces.entries()) {
    const isLast = at === target.pieces.length - 1 && target.isCut
    const whole = pieces[number] === undefined ? undefined : piece(number, pieces[number].bytes.length)
    const isWhole = whole !== undefined && (bytes.equals(whole) || (isLast && whole.subarray(0, bytes.length).equals(bytes)))
    if (!isWhole) problems.push(`write ${number} has come as ${bytes.length} bytes`)
  }
  for (const { number, calls, isWritten, isUntold, isRefused } of pieces) {
    if (calls !== 1 && !isUntold) problems.push(`write ${number} was called back ${calls} times`)
    const isDue = isWritten || (!target.isCut && !isRefused)
    if (isDue && !there.includes(number)) problems.push(`write ${number} is not in the file`)
  }
  return problems
}

/** What the streams say is what there is. */
function countsOf ({ receivers: [target], bytesWritten, isExact }) {
  if (!isExact || bytesWritten === target.bytes.length) return []
  return [`bytesWritten is ${bytesWritten}, and ${target.bytes.length} have come`]
}

module.exports = { problemsOf }

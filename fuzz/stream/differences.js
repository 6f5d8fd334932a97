'use strict'

// The differences from stock that are meant, and documented in README.md: each
// takes out of two results what it explains, and nothing else.

const FAILED_WRITE = / (Error|AbortError)\(\w+ (-?\d+|undefined) (write|undefined) /
const CALLED_BACK = /^(callback \d+ of \w+) /

/** @typedef {import('./play.js').Result} Result */

/** @type {{ name: string, reason: string, apply: (stock: Result, ours: Result) => void }[]} */
const differences = [
  {
    name: 'exact bytesWritten',
    reason: 'After an error or destroy() stock counts too few bytes, and spillway those that the file has got.',
    apply (stock, ours) {
      for (const { entries } of [stock, ours]) for (const entry of entries) if (entry.isCut) entry.bytes = 'any'
    }
  },
  {
    name: 'more in the file',
    reason: 'When a stream fails or is destroyed, more of what was accepted may be in the file than with stock.',
    apply (stock, ours) {
      if (!stock.entries.at(-1).isCut || !ours.entries.at(-1).isCut) return
      for (const [name, bytes] of stock.files) {
        const other = ours.files.get(name)
        if (other === undefined || !isExplained(bytes, other, ours)) continue
        ours.files.set(name, bytes)
      }
    }
  },
  {
    name: 'callback told success',
    reason: 'A callback whose bytes were written before the error is told so, where stock tells the error to the whole batch.',
    apply (stock, ours) {
      ours.entries.forEach((entry, at) => {
        const other = stock.entries[at]
        const [, label] = CALLED_BACK.exec(entry.text) ?? []
        if (label !== undefined && entry.text.startsWith(`${label} null`) && other?.text.startsWith(label) && FAILED_WRITE.test(other.text)) entry.text = other.text
      })
    }
  },
  {
    name: 'closed though a callback threw',
    reason: 'A callback of a write that throws keeps stock from closing a stream that is destroyed, for ever. Spillway closes it.',
    apply (stock, ours) {
      if (!isOpen(stock.entries.at(-1).state) || isOpen(ours.entries.at(-1).state)) return
      const at = stock.entries.findIndex(({ text, state }) => THROWN.test(text) && isOpen(state))
      if (at < 0) return
      // All before is compared.
      for (const { entries } of [stock, ours]) entries.length = Math.min(entries.length, at + 1)
      Object.assign(ours, { left: stock.left, own: stock.own })
    }
  }
]

/** What is told when a callback of a write throws while the stream waits for that write to close the file. */
const THROWN = /^(uncaught|unhandled|thrown out of the program) /
const isOpen = state => / destroyed /.test(state) && !/ closed /.test(state)

/** Whether each byte that differs is one of the stream's, which stock has not yet written. */
function isExplained (stock, ours, { base, accepted }) {
  const length = Math.max(stock.length, ours.length)
  let from
  for (let at = 0; at < length; at++) {
    if (stock[at] === ours[at]) continue
    const isUntouched = at >= stock.length || stock[at] === base[at] || stock[at] === 0
    if (!isUntouched || at >= ours.length) return false
    from ??= at
  }
  if (accepted === null || from === undefined) return true
  // What is new must be bytes of the stream, in a row.
  const end = ours.length > stock.length ? ours.length : lastDifference(stock, ours) + 1
  return accepted.includes(ours.subarray(from, end))
}

function lastDifference (stock, ours) {
  let at = stock.length - 1
  while (stock[at] === ours[at]) at--
  return at
}

/** Differences after which a program goes another way: of such a program nothing more is told. See docs/internals/divergences.md. */
const programs = [
  {
    name: 'aborted before it was made',
    reason: 'Stock opens, and empties, the file of a stream whose signal is aborted already, and never closes it. Spillway opens nothing.',
    is: ({ options }) => options.signal === 'aborted'
  },
  {
    name: 'descriptor closed behind the stream',
    reason: 'Spillway writes to a duplicate of a descriptor, so that the bytes reach the right file, and no other.',
    is: program => has(program, /"do":"close behind"/)
  },
  {
    name: 'write methods replaced while chunks are buffered',
    reason: 'A method that is put onto a stream later is handed the tokens of chunks that were written before.',
    is: program => has(program, /"do":"patch","method":"_writev?"/)
  }
]

function has (program, pattern) {
  return pattern.test(JSON.stringify(program))
}

module.exports = { differences, programs }

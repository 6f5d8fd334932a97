'use strict'

// The differences from stock that are meant, and documented in README.md: each
// takes out of two results what it explains, and nothing else.

const { TICKS } = require('./journal.js')
const { isVeiled, stagesOf } = require('./stages.js')

const FAILED_WRITE = / (Error|AbortError)\(\w+ (-?\d+|undefined) (write|undefined) /
const CALLED_BACK = /^(callback \d+ of \w+) /

/** @typedef {import('./play.js').Result} Result */

/** @type {{ name: string, reason: string, apply: (stock: Result, ours: Result) => void }[]} */
const differences = [
  {
    name: 'aborted before it was made',
    reason: 'Stock opens, and empties, the file of a stream whose signal is aborted already, and never closes it. Spillway opens nothing.',
    apply (stock, ours) {
      const [isOpened, isOpenedByUs] = [stock, ours].map(({ entries }) => entries.some(({ text }) => OPEN.test(text)))
      // That it is opened is to be all that differs.
      if (stock.program.options.signal !== 'aborted' || isOpenedByUs) return
      for (const result of [stock, ours]) drop(result, ({ text }) => CONSTRUCTED.test(text))
      if (!isOpened) return
      if (isWaitedFor(stock.program)) return cutAtOpen(stock, ours)
      drop(stock, ({ text }) => OPEN.test(text))
      for (const { entries } of [stock, ours]) for (const entry of entries) entry.state = entry.state.replace(/ (pending|no fd)\b/g, '')
      if (ours.left === 0) ours.left = stock.left
      for (const [name, bytes] of stock.files) {
        const other = ours.files.get(name)
        if (bytes.length === 0 && (other === undefined || ours.base.indexOf(other) === 0)) ours.files.set(name, bytes)
      }
    }
  },
  {
    name: 'descriptor closed behind the stream',
    reason: 'Spillway writes to a duplicate of a descriptor, so that the bytes reach the right file, and no other.',
    apply (stock, ours) {
      const at = stock.entries.findIndex(({ text }) => text.startsWith('close behind answered undefined'))
      if (at < 0 || !ours.entries[at]?.text.startsWith('close behind')) return
      cut(stock, ours, at + 1)
      for (const [name, bytes] of stock.files) {
        if (ours.files.has(name) && isExplained(bytes, ours.files.get(name), ours)) ours.files.set(name, bytes)
      }
    }
  },
  {
    name: 'write methods replaced while chunks are buffered',
    reason: 'A method that is put onto a stream later is handed the tokens of chunks that were written before.',
    apply (stock, ours) {
      if (callsOf(stock) === callsOf(ours)) return
      dropBuffered(stock)
      dropBuffered(ours)
    }
  },
  {
    name: 'counted later',
    reason: 'If nobody waits for the end of a write, its bytes count as buffered for up to 10 ms more.',
    apply (stock, ours) {
      ours.entries.forEach((entry, at) => {
        const other = stock.entries[at]
        if (other?.text === entry.text && isCountedLater(other, entry)) Object.assign(entry, { state: other.state, bytes: other.bytes })
      })
    }
  },
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
      ours.entries.forEach((entry, at) => {
        const other = stock.entries[at]
        if (entry.isCut && other?.isCut && seesMore(other.text, entry.text)) entry.text = other.text
      })
    }
  },
  {
    name: 'a file that is not whole',
    reason: 'A stream with atomic that has not finished leaves the old file; one with compress may hold back what it has not compressed.',
    apply (stock, ours) {
      const stages = stagesOf(ours.program)
      if (!isVeiled(stages) || ours.isFinished) return
      const isLeft = stages.atomic !== undefined
        ? bytes => bytes.equals(ours.base)
        : bytes => isPrefix(bytes, ours)
      if ([...ours.files.values()].every(isLeft)) ours.files = stock.files
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
      // The event by which Node's `_destroy` learns that the file may be closed.
      if (stock.entries.some(({ text }) => THROWN.test(text)) && !stock.entries.some(isIODone)) drop(ours, isIODone)
      if (!isOpen(stock.entries.at(-1).state) || isOpen(ours.entries.at(-1).state)) return
      const at = stock.entries.findIndex(({ text, state }) => THROWN.test(text) && isOpen(state))
      if (at < 0) return
      cut(stock, ours, at + 1)
      Object.assign(ours, { left: stock.left, own: stock.own })
    }
  }
]

const isIODone = ({ text }) => text.startsWith('called emit Symbol(kIoDone)')

const LOOK = /^look answered (?:(\d+)|bytes (.*?))( in .*)?$/

/** Whether a look at the file of a stream that is destroyed has seen more of the same. */
function seesMore (stock, ours) {
  const [one, other] = [LOOK.exec(stock), LOOK.exec(ours)]
  if (one === null || other === null) return false
  return one[1] === undefined ? Boolean(other[2]?.startsWith(one[2])) : Number(other[1]) >= Number(one[1])
}

/** What is told when a callback of a write throws while the stream waits for that write to close the file. */
const THROWN = /^(uncaught|unhandled|thrown out of the program) /
const isOpen = state => / destroyed /.test(state) && !/ closed /.test(state)

/** Whether these are the first bytes of what a compressed file would have, behind those that were there before. */
function isPrefix (bytes, { base, accepted, program }) {
  const before = program.options.flags === 'a' ? base : Buffer.alloc(0)
  return bytes.equals(base) || accepted === null || Buffer.concat([before, accepted]).subarray(0, bytes.length).equals(bytes)
}

/** Whether each byte that differs is one of the stream's, which stock has not yet written. */
function isExplained (stock, ours, { base, accepted }) {
  const length = Math.max(stock.length, ours.length)
  let from
  for (let at = 0; at < length; at++) {
    if (stock[at] === ours[at]) continue
    const isUntouched = at >= stock.length || stock[at] === base[at] || stock[at] === 0
    if (!isUntouched || at >= ours.length) return false
    // Before `start` there may be a hole.
    if (ours[at] !== 0) from ??= at
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

/** What only stock tells of the file that it opens. */
const OPEN = /^(called emit '(open|ready)'|fs\.open|open 'number'|ready undefined)/

/** What both tell then: stock when it has opened the file, or failed to. */
const CONSTRUCTED = /^called emit Symbol\(kDestroy\)/

/** Whether a program does something when the file is opened. */
function isWaitedFor (program) {
  return /"(for|event)":"(open|ready)"/.test(JSON.stringify(program)) || ['open', 'ready'].some(event => program.listeners[event]?.length > 0)
}

/** Such a program goes another way with stock: what it does before is compared. */
function cutAtOpen (stock, ours) {
  const at = stock.entries.findIndex(({ text }) => OPEN.test(text))
  cut(stock, ours, at)
  Object.assign(ours, { files: stock.files, left: stock.left, own: stock.own })
}

const CHANGED = /^change answered (?!'not calm')/

/** Compares only the first `length` entries, and the files if nothing but the stream changes them behind these. */
function cut (stock, ours, length) {
  for (const result of [stock, ours]) {
    const { entries } = result
    if (entries.slice(length).some(({ text }) => CHANGED.test(text))) ours.files = stock.files
    entries.length = Math.min(entries.length, length)
  }
}

/** Takes entries out of a result. */
function drop (result, isDropped) {
  let ticks = 0
  result.entries = result.entries.filter(entry => {
    entry.tick = Math.min(entry.tick + ticks, TICKS)
    ticks = isDropped(entry) ? entry.tick : 0
    return !isDropped(entry)
  })
}

const CALL = /^called _writev? /
const callsOf = ({ entries }) => entries.map(({ text }) => text).filter(text => CALL.test(text)).join('\n')

/** Takes out what a new `_write` or `_writev` is handed until all is written that may have been buffered by then. */
function dropBuffered (result) {
  let [isPatched, isBuffered] = [false, false]
  drop(result, ({ text, state }) => {
    const isCall = CALL.test(text)
    const isEmpty = / ?writableLength=0 /.test(state)
    if (/^patch answered '_writev?'/.test(text)) isPatched = true
    else if (isBuffered && isEmpty && !isCall) isPatched = false
    isBuffered = isPatched && (isBuffered || !isEmpty)
    return isPatched && isCall
  })
}

const LENGTH = /writableLength=(\d+)/

/** Whether the same bytes are written, and only fewer of them counted so: no 'drain' and no end waits for that. */
function isCountedLater (stock, ours) {
  const [length, otherLength] = [stock, ours].map(({ state }) => Number(LENGTH.exec(state)?.[1]))
  return otherLength > length && otherLength + ours.bytes === length + stock.bytes &&
    stock.state.replace(LENGTH, '') === ours.state.replace(LENGTH, '') && !/ (writableNeedDrain|writableEnded|destroyed) /.test(ours.state)
}

module.exports = differences

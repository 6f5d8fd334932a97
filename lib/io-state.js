'use strict'

// The private state of Node's fs.WriteStream by which its `_destroy` knows
// that something is written, and waits for it before it closes the file.
// See https://github.com/nodejs/node/blob/main/lib/internal/fs/streams.js

const { Base } = require('./base.js')

/** The field that says so, and the event that tells its end. */
const performing = findField()
const done = findEvent()

function findField () {
  const stream = new Base('', { fd: 2, autoClose: false })
  return Object.getOwnPropertySymbols(stream).find(({ description }) => description === 'kIsPerformingIO')
}

/** What Node's `_destroy` waits for is what it listens to. */
function findEvent () {
  let event
  Base.prototype._destroy.call({ [performing]: true, once (name) { event = name } }, null, () => {})
  return event
}

/** Something is written into the file of `stream`. */
function begin (stream) {
  stream[performing] = true
}

/** Nothing is written any more; if the stream is destroyed, `done` is to be emitted. */
function end (stream) {
  stream[performing] = false
}

module.exports = { isKnown: performing !== undefined && done !== undefined, done, begin, end }

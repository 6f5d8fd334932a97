'use strict'

// Runs one script against fs.createWriteStream and against ours, and compares
// all that can be seen: results, order of events and callbacks, the state at
// each, the shapes of errors, and the file.

const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { getDefaultHighWaterMark } = require('node:stream')
const { isNativeError } = require('node:util').types
const spillway = require('../..')

const EVENTS = ['open', 'ready', 'drain', 'prefinish', 'finish', 'close', 'error', 'pipe', 'unpipe']

/** Stock's and ours, which is higher on purpose: docs/design.md, "Sizes". */
const DEFAULT_MARKS = [getDefaultHighWaterMark(false), 1024 * 1024]

/** One run of a script, with its own folder and its own log. */
class Run {
  /** @param {{ createWriteStream, WriteStream }} api node:fs, or ours */
  constructor ({ createWriteStream, WriteStream }) {
    this.createWriteStream = createWriteStream
    this.WriteStream = WriteStream
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-'))
    this.path = path.join(this.folder, 'file')
    this.entries = []
    this.comparesBytes = true
    this.comparesLevel = true
    this.comparesState = true
  }

  /** For scripts in which two streams race: how far each has come when is a matter of time, in stock as well. */
  ignoreState () {
    this.comparesState = false
  }

  /**
   * For scripts that destroy in mid-write. Ours may have written more by then
   * (docs/design.md, "Where we differ"); and stock reports too few bytes.
   */
  ignoreBytes ({ andLevel = false } = {}) {
    this.comparesBytes = false
    this.comparesLevel = !andLevel
  }

  /** A stream into the run's file whose events are logged. */
  create (options, file = this.path) {
    return this.watch(this.createWriteStream(file, options))
  }

  watch (stream) {
    for (const event of EVENTS) stream.on(event, value => this.log(event, event === 'error' ? shape(value, this) : typeof value, state(stream)))
    return stream
  }

  log (...entry) {
    if (!this.comparesState && entry.at(-1)?.writableLength !== undefined) entry.pop()
    const last = entry.at(-1)
    if (!this.comparesBytes) delete last?.bytesWritten
    if (!this.comparesLevel && last?.destroyed) delete last.writableLength
    this.entries.push(entry)
  }

  /** A callback that logs when and with what it is called. */
  callback (name, stream) {
    return error => this.log('callback', name, shape(error, this), stream && state(stream))
  }

  /** Logs what `call` returns or throws. */
  call (name, call) {
    try {
      const value = call()
      this.log('returned', name, typeof value === 'object' ? typeof value : value)
      return value
    } catch (error) {
      this.log('threw', name, shape(error, this))
    }
  }

  state (name, stream) {
    this.log('state', name, state(stream))
  }

  content () {
    return fs.existsSync(this.path) ? fs.readFileSync(this.path, 'latin1') : null
  }

  async result (script) {
    try {
      await script(this)
      // Events that come too late, or once too often, shall be seen as well.
      await turns(3)
      return { log: this.entries, content: this.comparesBytes ? this.content() : 'any' }
    } finally {
      fs.rmSync(this.folder, { recursive: true, force: true })
    }
  }
}

/** All of an error that a program could look at. */
function shape (error, { folder }) {
  if (!isNativeError(error)) return error
  const { name, code, errno, syscall, message } = error
  const place = error.path === undefined ? undefined : String(error.path).replace(folder, '')
  // Stock names writev for several chunks cut short: how many are one write is our own affair.
  const text = message.replaceAll(folder, '').replace('call writev', 'call write')
  return { name, code, errno, syscall, path: place, message: text }
}

function state (stream) {
  const { writableLength, writableNeedDrain, writableHighWaterMark, writableEnded, writableFinished, writableCorked } = stream
  const { writable, destroyed, closed, pending, errored, bytesWritten } = stream
  return {
    writableLength,
    writableNeedDrain,
    writableHighWaterMark: DEFAULT_MARKS.includes(writableHighWaterMark) ? 'default' : writableHighWaterMark,
    writableEnded,
    writableFinished,
    writableCorked,
    writable,
    destroyed,
    closed,
    pending,
    errored: errored?.code ?? errored,
    bytesWritten
  }
}

/** As many turns of the event loop. */
async function turns (count) {
  while (count-- > 0) await new Promise(resolve => setImmediate(resolve))
}

function closed (stream) {
  return stream.closed ? Promise.resolve() : new Promise(resolve => stream.once('close', resolve))
}

function opened (stream) {
  return stream.pending ? once(stream, 'ready').then(() => turns(1)) : Promise.resolve()
}

/**
 * A test that `script(run)` does the same with stock and with ours.
 * @param {string} name
 * @param {(run: Run) => Promise<void>} script
 */
function sameAsStock (name, script) {
  test(name, async () => {
    const expected = await new Run(fs).result(script)
    const actual = await new Run(spillway).result(script)
    expect(actual).toEqual(expected)
  })
}

module.exports = { Run, sameAsStock, closed, opened, turns }

'use strict'

// A log that rotates: JavaScript knows the calendar and the names, and tells what Rust has done.

const fs = require('node:fs')
const path = require('node:path')
const process = require('node:process')
// Taken now: fake timers do not mean ours.
const { clearTimeout } = require('node:timers')
const { fileURLToPath } = require('node:url')
const { intervalAt, startsFrom } = require('./calendar.js')
const ClosedNames = require('./closed-names.js')
const errors = require('./errors.js')
const eventLoop = require('./event-loop.js')
const { TurnToken } = require('./node-state.js')

const { nextTick } = process

/** How often files are named anew where no interval is wanted. */
const HOUR = { count: 1, unit: 'h' }

/** Periods that are over and still known. */
const PAST = 4

/** The longest time that a timer of Node's can wait, in milliseconds. */
const LONGEST = 2 ** 31 - 1

/** An entry of Rust's queue, which is never cut, is this part of a file at most, so that files become full. */
const PARTS = 16

class Rotation {
  /**
   * Puts a rotation in the place of what is said about it.
   * @param {string | Buffer | URL} path
   * @param {{ rotate: object, mkdir?: boolean }} options as lib/options.js makes them
   */
  static prepare (path, options) {
    if (options.rotate instanceof Rotation) return
    // What is no path is Node's to refuse.
    const text = path instanceof URL ? fileURLToPath(path) : String(path)
    options.rotate = new Rotation(text, options.rotate, options.mkdir === true)
  }

  /**
   * @param {string} file the path of the log
   * @param {object} options as lib/rotate-options.js makes them
   * @param {boolean} mkdir
   */
  constructor (file, options, mkdir) {
    this.options = options
    this.path = path.resolve(file)
    this.names = new ClosedNames(options.name, path.basename(this.path), options.utc)
    this.interval = options.interval ?? HOUR
    this.mkdir = mkdir
    this.timer = null
    /** When the periods begin that Rust knows. */
    this.starts = []
    this.settings = this.toSettings()
  }

  /** What Rust is to know. */
  toSettings () {
    const { options: { size, interval, lines, keep, keepFor, maxTotal, compress }, path, mkdir } = this
    const isTidied = keep !== undefined || keepFor !== undefined || maxTotal !== undefined || compress !== undefined
    return { path, mkdir, size, isTimed: interval !== undefined, byLines: lines, keep, keepFor, maxTotal, compress, family: isTidied ? this.names.family() : [] }
  }

  /** @param {import('./carrier.js')} carrier of the stream */
  begin (carrier) {
    this.carrier = carrier
    const { size = Infinity } = this.options
    carrier.buffer.quantum = Math.max(1, Math.floor(size / PARTS))
    eventLoop.watch(carrier)
    // The time of a file that is there, which is gone on with.
    const old = fs.statSync(this.path, { throwIfNoEntry: false })
    if (old !== undefined) this.starts = [intervalAt(old.mtimeMs, this.interval, this.options.utc).start]
    this.tellPeriods()
  }

  /** Tells Rust when periods begin, and has it look when the next one does. */
  tellPeriods () {
    const { interval, names, options: { utc } } = this
    const now = Date.now()
    const coming = startsFrom(now, interval, utc)
    // The file that is written may be of an earlier one, by which it is named.
    const past = this.starts.filter(start => start < coming[0]).slice(-PAST)
    this.starts = [...past, ...coming]
    this.carrier.buffer.sink.setCalendar(this.starts.map(start => ({ start, ...names.formAt(new Date(start)) })))
    this.timer = eventLoop.setTimeout(() => this.onTime(), Math.min(coming[1] - now, LONGEST))
    this.timer.unref()
  }

  onTime () {
    this.tellPeriods()
    this.look(() => {})
  }

  /** Has Rust look, in its place among the chunks, whether it is time to rotate, or another has. */
  look (callback) {
    const { carrier } = this
    if (carrier.whyNotPlace('rotate') === null) carrier.lane.place(new TurnToken(), callback)
  }

  /** Tells what has become of rotations. */
  tellNews () {
    const { stream, buffer } = this.carrier
    for (const { path, bytes, fault } of buffer.sink.rotationNews()) {
      if (fault == null) stream.emit('rotate', { path, bytes })
      else this.warn(errors.failed(fault, 'rename', this.path))
    }
  }

  warn (error) {
    const { stream } = this.carrier
    if (stream.listenerCount('warning') > 0) return stream.emit('warning', error)
    process.emitWarning(errors.warning(`${this.path} could not be rotated: ${error.message}`, error))
  }

  /** The stream is closed: tells what it has not come to yet, before 'close'. */
  end () {
    clearTimeout(this.timer)
    eventLoop.unwatch(this.carrier)
    // A listener may throw, and must not keep the file open.
    nextTick(() => this.tellNews())
  }
}

module.exports = Rotation

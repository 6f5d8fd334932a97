'use strict'

// Plays a program on an api, and logs all that happens.

const fs = require('node:fs')
const { ACTIONS, BYTES } = require('./actions.js')
const chunks = require('./chunks.js')
const Folder = require('./folder.js')
const { Journal } = require('./journal.js')
const { slowDisk, slowHandle } = require('./slow-disk.js')
const { makeStream } = require('./subclasses.js')
const stages = require('./stages.js')
const { baseOf, prepare } = require('./target.js')
const waits = require('./waits.js')
const { Watch, hasRequests, hasFileRequests } = require('./watch.js')

const EVENTS = ['open', 'ready', 'drain', 'prefinish', 'finish', 'close', 'error', 'pipe', 'unpipe']

/** Actions of one play: some programs go in circles. */
const ACTIONS_AT_MOST = 150

/** Spillway opens the file of a stream at once if so many bytes are written in the run that makes it. */
const EARLY = 1024 * 1024

/** Turns of the event loop that something may still come too late, or once too often. */
const LATE_TURNS = 2

/** How long, in milliseconds, what Node has under way may take at the end. */
const PATIENCE = 500

/** What has happened to streams whose program was over: `{ what, program }`. */
const late = []

/** Who is to be told what nobody has caught, and who was the last. */
let current = null
let last = null
process.on('uncaughtException', error => report('uncaught', error))
process.on('unhandledRejection', error => report('unhandled', error))

function report (what, error) {
  if (current === null) return last.logLate(`${what} ${error}`)
  if (!current.mayThrow && !error.code) current.machineErrors.push(error)
  current.log(what, [error])
}

class Player {
  /**
   * @param {object} program as program.js draws it
   * @param {{ createWriteStream: Function, WriteStream: Function }} api
   * @param {{ example?: Result, jitter?: () => void, isHurried?: boolean }} [options] what stock did;
   *   called where time is to pass at random; whether news that come late may be missed
   */
  constructor (program, api, { example, jitter, isHurried = jitter !== undefined } = {}) {
    this.program = program
    this.api = api
    this.example = example
    this.jitter = jitter ?? (() => {})
    this.isJittery = jitter !== undefined
    this.isHurried = isHurried
    this.folder = new Folder()
    /** What spillway does to the bytes. */
    this.stages = stages.stagesOf(program)
    this.path = this.folder.of('file')
    this.stream = null
    this.journal = new Journal(this.folder.anonymous, program.hasContext)
    this.isOver = false
    this.isForced = false
    /** Errors that no program makes: mistakes of this code. */
    this.machineErrors = []
    this.mayThrow = false
    this.at = 0
    this.actions = 0
    this.serial = 0
    this.bytes = 0
    /** Callbacks and promises to come. */
    this.owed = 0
    this.waiting = null
    /** Whether the run that made the stream still goes on, or 'open' is being told. */
    this.isOpening = true
    this.hasOpened = typeof program.target.opened === 'string'
    /** Whether stock opens a file that spillway does not: see differences.js. */
    this.isAborted = program.options.signal === 'aborted'
    /** All bytes that were accepted, in order: known as long as nothing but write() and end() makes some. */
    this.accepted = []
    this.isPlain = program.heir === 'none' || program.heir.overrides === undefined
    this.controller = new AbortController()
    this.sources = []
    /** What was still open of what the program has opened itself. */
    this.own = ''
    /** How many entries there were at each rest. */
    this.rests = []
  }

  // ---- the log

  get entries () {
    return this.journal.entries
  }

  log (what, values = []) {
    if (this.isOver) this.logLate(what)
    else this.journal.add(what, values, this.stream)
  }

  /** What comes when the program is over is a fault of its own, but for what tidying up brings. */
  logLate (what) {
    if (current !== this && this.stream?.closed) late.push({ what, program: this.program })
  }

  // ---- what actions need

  get source () {
    return this.sources.at(-1)
  }

  get hasFile () {
    return fs.existsSync(this.path) && fs.statSync(this.path).isFile()
  }

  /** Whether nothing is under way, so that it is no matter of time what is in the file. */
  isCalm () {
    const { stream } = this
    if (stages.isVeiled(this.stages)) return false
    // The size of a string is that of its UTF-16 units.
    if (this.isOpening) return this.bytes * 3 <= EARLY
    // An open that a signal has overtaken may still be under way.
    if (stream.closed) return this.hasOpened
    return !stream.destroyed && !stream.pending && !stream.errored && stream.writableLength === 0
  }

  /** Whether a sync has its place among the writes, and can't fail: then an empty write of stock is like it. */
  maySync () {
    const { stream, program: { target, options } } = this
    const isLive = !stream.destroyed && !stream.errored && !stream.writableEnded
    const isPatched = ['write', '_write', '_writev'].some(name => Object.hasOwn(stream, name))
    return isLive && !isPatched && this.isPlain && this.program.heir === 'none' && target.kind === 'file' && ![null, 'r'].includes(options.flags) && options.fs === 'none'
  }

  mine (message) {
    return Object.assign(new Error(message), { code: 'MINE' })
  }

  makeChunk (chunk) {
    const size = this.bytes + chunk.size > BYTES ? 0 : chunk.size
    this.bytes += size
    return chunks.make({ ...chunk, size }, this.serial++)
  }

  /** Keeps account of what is about to be written. */
  expect (chunk, encoding) {
    const { stream } = this
    if (!this.isPlain || stream.destroyed || stream.errored || stream.writableEnded) return
    if (typeof encoding === 'function') encoding = undefined
    this.accepted.push(chunks.toBytes(chunk, encoding || stream._writableState.defaultEncoding))
  }

  /** Calls `work`, which writes a chunk, and keeps account of that unless it throws. */
  expecting ([chunk, encoding], work) {
    const { length } = this.accepted
    this.expect(chunk, encoding)
    try {
      return work()
    } catch (error) {
      this.accepted.length = length
      throw error
    }
  }

  /** A function that logs when and with what it is called, and then does `actions`. */
  callback (name, actions) {
    const label = `callback ${++this.serial} of ${name}`
    this.owed++
    return (...args) => {
      this.owed--
      this.log(label, args)
      this.performAll(actions)
      if (this.waiting?.for === 'written' && this.owed === 0) this.resume()
    }
  }

  promise (name, promise) {
    const label = `${++this.serial} ${name}`
    this.owed++
    const settled = how => value => {
      this.owed--
      this.log(`${label} ${how}`, [value])
      if (this.waiting?.for === 'written' && this.owed === 0) this.resume()
    }
    promise.then(settled('resolved'), settled('rejected'))
  }

  addSource (source) {
    for (const event of ['error', 'end', 'close']) source.on(event, value => this.log(`source ${event}`, [value]))
    this.sources.push(source)
    return source
  }

  // ---- the program

  performAll (actions) {
    for (const action of actions) this.perform(action)
  }

  perform (action) {
    if (this.actions++ >= ACTIONS_AT_MOST) return
    if (action.do === 'throw') return ACTIONS.throw(this)
    this.journal.within(`action ${this.actions}`, () => this.performNow(action))
  }

  performNow (action) {
    let answer
    try {
      answer = ACTIONS[action.do](this, this.stream, action)
    } catch (error) {
      if (!error.code) this.machineErrors.push(error)
      return this.log(`${action.do} threw`, [error])
    }
    this.log(`${action.do} answered`, [answer === this.stream ? 'itself' : answer])
  }

  /** Goes on until something is to be waited for. */
  run () {
    const { steps } = this.program
    while (this.at < steps.length) {
      const step = steps[this.at++]
      if (step.do !== 'wait') this.perform(step)
      else if (waits.begin(this, step)) {
        this.waiting = step
        return
      }
    }
  }

  /** What is waited for has come. */
  resume () {
    const { then } = this.waiting
    this.waiting = null
    if (then === 'tick') process.nextTick(() => this.run())
    else if (then === 'microtask') queueMicrotask(() => this.run())
    else this.run()
  }

  // ---- the stream

  create (path, options) {
    try {
      this.stream = makeStream(this.api, this.program.heir, path, options, this)
    } catch (error) {
      if (!error.code) this.machineErrors.push(error)
      this.log('create threw', [error])
      return false
    }
    if (this.api === fs && stages.hasEnd(this.stages)) stages.addEnd(this.stream)
    this.log('created')
    for (const event of EVENTS) if (event !== 'error' || !this.program.isDeaf) this.listen(event)
    return true
  }

  listen (event) {
    const { listeners } = this.program
    // Only the first time, or a program could go in circles.
    let actions = Object.hasOwn(listeners, event) ? listeners[event] : []
    this.stream.on(event, value => {
      const isOpening = this.isOpening
      if (event === 'open' || event === 'ready') {
        this.isOpening = true
        this.hasOpened = !this.isAborted
      }
      this.log(event, event === 'open' ? [typeof value] : event.endsWith('pipe') ? [] : [value])
      const now = actions
      actions = []
      this.performAll(now)
      this.isOpening = isOpening
      if (event === 'close') this.lookLate()
    })
  }

  /** @returns {Promise<Result>} */
  async play () {
    // It is stock that is to show all that it may do: spillway takes nothing but Node's own functions.
    const isSlow = this.isJittery && this.api === fs
    // Before a custom fs is made of its functions.
    const makeFast = isSlow ? slowDisk() : () => {}
    try {
      const [path, options] = await prepare(this)
      if (isSlow && this.handle !== undefined) slowHandle(this.handle)
      current = last = this
      if (this.create(path, options)) await this.playOn()
      this.log('end')
      this.isOver = true
      await this.tidy()
      return this.result()
    } finally {
      current = null
      makeFast()
      this.closeLeft()
      this.folder.remove()
    }
  }

  async playOn () {
    const ended = new Promise(resolve => { this.end = resolve })
    const watch = new Watch(this, why => this.rest(why), this.isHurried)
    try {
      this.run()
    } catch (error) {
      this.log('thrown out of the program', [error])
    }
    this.isOpening = false
    await ended
    watch.stop()
  }

  // ---- the end

  /** Behind 'close' not much can come. */
  lookLate (turns = LATE_TURNS) {
    if (turns > 0) return setImmediate(() => this.lookLate(turns - 1))
    // Whose `_destroy` waits for nothing is closed while something is written: of spillway's writes Node knows no request.
    const isWriting = this.stream._writableState.writing
    if (this.at >= this.program.steps.length && this.waiting === null && !isWriting && !hasRequests()) this.finish()
  }

  /** Nothing goes on by itself. */
  rest (why) {
    this.rests.push(this.entries.length)
    if (why !== undefined) return this.finish(why)
    if (this.waiting !== null || this.at < this.program.steps.length) {
      if (this.waiting !== null && this.waiting.for !== 'quiet') this.log(`waited in vain for ${this.waiting.for}`)
      this.waiting = null
      return this.run()
    }
    if (!this.stream.destroyed && !this.isForced) {
      this.isForced = true
      this.log('never ended')
      return this.perform({ do: 'destroy', error: 'none' })
    }
    this.finish()
  }

  finish (why) {
    if (why !== undefined) this.log(why)
    this.rests.push(this.entries.length)
    if (this.owed > 0) this.log(`${this.owed} callbacks never called`)
    this.end()
  }

  /** Closes what the program has opened itself; what is open then, the stream has left open. */
  async tidy () {
    for (const source of this.sources) source.removeAllListeners().on('error', () => {}).destroy()
    if (this.handle !== undefined) await this.closeHandle()
    // A close that is under way may come to a number that is another's by then.
    await turnsWhile(hasFileRequests)
    if (this.fd !== undefined && this.folder.hasOpen(this.fd) && closeIfOpen(this.fd)) {
      this.own = ', the given descriptor was open'
    }
    const expected = this.example?.left ?? 0
    for (let at = 0; at < 100 && this.folder.descriptors().length > expected; at++) await turns(2)
    await turnsWhile(hasFileRequests)
    this.left = this.folder.descriptors().length
  }

  /** What stock leaves open as well nobody will close any more. */
  closeLeft () {
    if (this.handle !== undefined || this.left > (this.example?.left ?? Infinity)) return
    for (const fd of this.folder.descriptors()) closeIfOpen(fd)
  }

  async closeHandle () {
    this.own = `, the handle was ${this.handle.fd >= 0 ? 'open' : 'closed'}`
    // A stream whose making threw listens all the same, and throws.
    if (this.stream === null) this.handle.removeAllListeners('close')
    // A stream that holds it for ever must not hold us.
    await Promise.race([this.handle.close().catch(() => {}), turns(500)])
    // What the stream says of it is no news.
    await turns(2)
  }

  /**
   * @typedef {object} Result
   * @property {object} program
   * @property {{ text: string, tick: number, state: string, bytes: number, isCut: boolean }[]} entries
   * @property {Map<string, Buffer>} files
   * @property {Buffer} base what was in the file before
   * @property {Buffer | null} accepted the bytes of the stream, if they are known
   * @property {string} own what was still open of what the program has opened itself
   * @property {number} left descriptors that are left open
   * @property {boolean} isFinished
   * @property {number[]} rests
   * @property {Error[]} machineErrors
   */
  result () {
    const { program, entries, left, rests, machineErrors } = this
    const accepted = this.isPlain ? Buffer.concat(this.accepted) : null
    const [base, isFinished] = [baseOf(program), this.stream?.writableFinished === true]
    const isOurs = this.api !== fs
    const files = isOurs ? stages.decode(this.folder.files(), { stages: this.stages, base, isFinished }) : this.folder.files()
    const isDigested = isOurs && isFinished && this.stages.digest !== undefined
    const own = this.own + (isDigested ? stages.checkDigest(this.stream, accepted) : '')
    return { program, entries, left, own, rests, machineErrors, files, base, accepted, isFinished }
  }
}

/** A stream may be about to close it, too. @returns {boolean} whether it was open */
function closeIfOpen (fd) {
  try {
    fs.closeSync(fd)
    return true
  } catch (error) {
    if (error.code !== 'EBADF') throw error
    return false
  }
}

/** Turns of the event loop as long as `isSo`, for a while at most. */
async function turnsWhile (isSo) {
  const until = performance.now() + PATIENCE
  while (isSo() && performance.now() < until) await turns(1)
}

/** So many turns of the event loop. */
async function turns (count) {
  while (count-- > 0) await new Promise(resolve => setImmediate(resolve))
}

/**
 * @param {object} program
 * @param {{ createWriteStream: Function, WriteStream: Function }} api
 * @param {{ example?: Result, jitter?: () => void, isHurried?: boolean }} [options]
 * @returns {Promise<Result>}
 */
function play (program, api, options) {
  return new Player(program, api, options).play()
}

module.exports = { play, late }

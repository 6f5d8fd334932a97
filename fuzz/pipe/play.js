'use strict'

// Plays a program on an api: what its streams tell, what comes of the bytes, and
// what does not hold of it.

const fs = require('node:fs')
const { pipeline } = require('node:stream/promises')
const Folder = require('../stream/folder.js')
const { isWaiting, slowDisk } = require('../stream/slow-disk.js')
const { hasFileRequests } = require('../stream/watch.js')
const { ACTIONS, PIECES, piece } = require('./actions.js')
const { SOURCE } = require('./content.js')
const { diskFolder } = require('./disk.js')
const { problemsOf } = require('./invariants.js')
const Receiver = require('./receiver.js')

/** What is in a target before: no byte of a source, nor of a piece. */
const BASE = Buffer.alloc(1000, 0xc0)

/** The high-water mark of a stream of ours to which none is given. */
const HIGH_WATER_MARK = 1024 * 1024

/** Turns of the event loop without any news after which a program is at rest, if nothing is under way. */
const QUIET_TURNS = 4

/** Looks, a millisecond apart, while a write of ours may be under way, or an open; and while something may be about to be closed. */
const AT_WORK = 500
const CLOSING = 20

/** Milliseconds after which a play is cut off. */
const AT_MOST = 10_000

const EVENTS = {
  source: ['open', 'ready', 'end', 'close', 'error'],
  target: ['open', 'ready', 'pipe', 'unpipe', 'finish', 'close', 'error'],
  second: ['finish', 'close', 'error']
}

class Player {
  /**
   * @param {object} program
   * @param {{ createWriteStream: Function }} api
   * @param {{ delay?: () => { bytes: number, turns: number }, jitter?: () => void, mark?: number, isSlow?: boolean, exit?: () => void }} [options]
   *   how many bytes and turns later a step is done; called where time is to pass; the reader's high-water mark, if it is not the program's;
   *   whether the disk takes its time; what ends the process
   */
  constructor (program, api, { delay = () => ({ bytes: 0, turns: 0 }), jitter = () => {}, mark, isSlow = false, exit } = {}) {
    this.program = program
    this.api = api
    this.isStock = api === fs
    this.delay = delay
    this.jitter = jitter
    this.mark = mark
    this.isSlow = isSlow
    this.exit = exit
    this.folder = new Folder()
    this.sourcePath = this.folder.of('source')
    this.logs = { source: [], target: [], second: [], pipeline: [], loop: [], uncaught: [] }
    this.news = 0
    this.controller = new AbortController()
    this.receivers = []
    this.pieces = []
    this.listeners = []
    this.readables = []
    this.restores = []
    this.second = undefined
    this.at = 0
    this.waiting = null
    this.mayLeak = false
    this.isEndedEarly = false
    /** Whether the target's chunks are written by a patch. */
    this.isPatched = false
    /** Nothing more is done, and then nothing more is told. */
    this.isEnding = false
    this.isOver = false
  }

  log (who, what, value) {
    this.news++
    if (this.isOver) return
    const error = value instanceof Error ? ` ${value.code ?? value.message} ${value.syscall ?? ''}` : ''
    this.logs[who].push(what + error.trimEnd())
  }

  /** From here on bytes may come to nobody. */
  leak () {
    this.mayLeak = true
  }

  newPiece (size) {
    if (this.pieces.length === PIECES) return null
    const number = this.pieces.length
    const own = { number, bytes: piece(number, size), calls: 0, isWritten: false, isUntold: false }
    const { target } = this.streams
    own.isRefused = target.writableEnded || target.destroyed || target.errored != null
    own.callback = error => {
      this.news++
      own.calls++
      own.isWritten = !error
    }
    this.pieces.push(own)
    return own
  }

  // ---- the streams

  /** @returns {Promise<boolean>} whether they could be made */
  async create () {
    const { source, target } = this.program
    const [from, to] = [await this.prepareSource(source), await this.prepareTarget(target)]
    try {
      this.streams = {
        reader: fs.createReadStream(...from),
        target: this.api.createWriteStream(...to),
        receive: name => this.receive(name)
      }
    } catch (error) {
      this.streams?.reader.destroy()
      this.log('uncaught', 'not made', error)
      return false
    }
    this.receivers.push(new Receiver('the target', () => this.contentOf(this.targetPath, this.base, this.targetStart)))
    this.receivers[0].attach()
    this.watch('source', this.streams.reader)
    this.watch('target', this.streams.target)
    for (const listener of this.program.listeners) this.heed(listener)
    return true
  }

  async prepareSource ({ kind, size, by, at, start, end, mark, autoClose }) {
    const paths = { directory: this.folder.path, memory: '/proc/self/mem', missing: this.folder.of('missing'), file: this.sourcePath }
    fs.writeFileSync(this.sourcePath, SOURCE.subarray(0, size))
    const path = paths[kind]
    const options = only({ start, end, highWaterMark: this.mark ?? mark, autoClose, signal: undefined })
    // Node is to refuse it in the same way, but no program is to be about that.
    if (options.start > options.end) delete options.end
    this.first = options.start ?? 0
    if (by === 'path' || kind === 'missing') return [path, options]
    await this.open('sourceFd', path, 'r', by)
    if (at > 0 && start === 'none' && kind === 'file') {
      // Where it stands is told by how much of it was read.
      fs.readSync(this.sourceFd, Buffer.alloc(at))
      this.first = Math.min(at, size)
    }
    return [null, { ...options, fd: this.given.sourceFd }]
  }

  async prepareTarget ({ kind, by, flags, start, mark }) {
    const folder = kind === 'disk' ? diskFolder() : undefined
    const paths = { file: this.folder.of('target'), full: '/dev/full', missing: this.folder.of('missing/target'), disk: folder && `${folder}/target` }
    this.targetPath = paths[kind] ?? paths.full
    this.hasFile = this.targetPath !== paths.full && kind !== 'missing'
    this.base = this.hasFile && flags !== 'w' ? BASE : Buffer.alloc(0)
    if (this.hasFile && flags !== 'w') fs.writeFileSync(this.targetPath, BASE)
    // Ours is higher: docs/design.md, "Sizes".
    const highWaterMark = mark === 'none' && this.isStock ? HIGH_WATER_MARK : mark
    const options = only({ flags, start: flags === 'a' ? 'none' : start, highWaterMark })
    this.targetStart = flags === 'a' ? this.base.length : options.start ?? 0
    if (by === 'path' || kind === 'missing') return [this.targetPath, options]
    await this.open('targetFd', this.targetPath, flags, by)
    return [null, { ...options, fd: this.given.targetFd }]
  }

  async open (name, path, flags, by) {
    this.given ??= {}
    this.given[name] = by === 'handle' ? await fs.promises.open(path, flags) : fs.openSync(path, flags)
    this[name] = by === 'handle' ? this.given[name].fd : this.given[name]
  }

  secondFile () {
    const path = this.folder.of('second')
    const receiver = new Receiver('the second', () => this.contentOf(path, Buffer.alloc(0), 0))
    this.receivers.push(receiver)
    return { stream: this.api.createWriteStream(path, { highWaterMark: HIGH_WATER_MARK }), receiver }
  }

  receive (name) {
    const take = Receiver.taker(`${name} ${this.receivers.length}`)
    this.receivers.push(take.receiver)
    return take
  }

  watch (who, stream) {
    for (const event of EVENTS[who]) {
      stream.on(event, value => this.log(who, event, value))
    }
  }

  heed ({ event: name, action }) {
    const [who, event] = name.split(' ')
    const stream = who === 'source' ? this.streams.reader : this.streams.target
    // Who is unpiped there flows all the same.
    if (event === 'pipe' && action.do === 'unpipe') this.leak()
    stream.once(event, () => this.perform(action))
  }

  /** What a file has got since. */
  contentOf (path, base, start) {
    if (!fs.existsSync(path) || !fs.statSync(path).isFile()) return Buffer.alloc(0)
    const content = fs.readFileSync(path)
    let end = content.length
    if (end <= base.length) while (end > start && content[end - 1] === 0xc0) end--
    return content.subarray(start, end)
  }

  // ---- the program

  begin () {
    const { reader, target } = this.streams
    const { way } = this.program
    if (way === 'pipeline') {
      pipeline(reader, target, { signal: this.controller.signal })
        .then(() => this.log('pipeline', 'done'), error => this.log('pipeline', 'failed', error))
    } else {
      reader.pipe(target, { end: way === 'pipe' })
    }
  }

  perform (action) {
    if (this.isEnding) return
    this.news++
    this.jitter()
    try {
      ACTIONS[action.do].call(this, this.streams, action)
    } catch (error) {
      this.log('uncaught', `${action.do} threw`, error)
    }
  }

  /** Waits for the next step. */
  goOn () {
    const step = this.program.steps[this.at]
    if (step === undefined || this.isOver) return
    const { reader } = this.streams
    const wait = { step, isCome: false }
    this.waiting = wait
    const come = () => {
      wait.isCome = true
      const bytes = Math.max(reader.bytesRead, step.when.for === 'bytes' ? step.when.count : 0)
      const delay = this.delay()
      wait.bytes = Math.max(bytes, Math.min(bytes + delay.bytes, this.bytesToRead()))
      wait.turns = delay.turns
      this.poll(wait)
    }
    if (step.when.for === 'turns') repeat(setImmediate, step.when.count, come)
    else if (step.when.for === 'ticks') repeat(process.nextTick, step.when.count, come)
    else if (step.when.for !== 'rest') come()
  }

  /** How many bytes the reader will have read when it has read all that there is now. */
  bytesToRead () {
    const { size, end } = this.program.source
    const now = this.program.source.kind === 'file' ? fs.statSync(this.sourcePath).size : size
    return Math.min(now, end === 'none' ? Infinity : end + 1) - this.first
  }

  /** Looks in each turn whether so much is read. */
  poll (wait) {
    if (this.waiting !== wait || this.isOver) return
    if (this.streams.reader.bytesRead >= wait.bytes && wait.turns-- === 0) this.come(wait)
    else setImmediate(() => this.poll(wait))
  }

  come ({ step }) {
    this.waiting = null
    this.at++
    const work = () => {
      this.perform(step.action)
      this.goOn()
    }
    if (step.from === 'tick') process.nextTick(work)
    else if (step.from === 'microtask') queueMicrotask(work)
    else work()
  }

  // ---- the end

  get all () {
    const { reader, target } = this.streams
    return [reader, target, ...this.second === undefined ? [] : [this.second.stream]]
  }

  signature () {
    return [this.news, ...this.all.flatMap(({ bytesRead, bytesWritten, readableLength, writableLength, destroyed, closed }) => {
      return [bytesRead, bytesWritten, readableLength, writableLength, destroyed, closed]
    })].join()
  }

  /** Looks without any news for which something that nobody can see may go on. */
  get patience () {
    const isAtWork = !this.isStock && this.all.some(({ _writableState: state, pending, destroyed }) => {
      // Who is destroyed waits for the write under way, too.
      return state !== undefined && (state.writing || (pending && !destroyed))
    })
    if (isAtWork) return AT_WORK
    return this.all.some(({ destroyed, closed }) => destroyed && !closed) ? CLOSING : 0
  }

  /** Whether the next step is only counted to. */
  get isCounting () {
    const { waiting } = this
    if (waiting === null || waiting.step.when.for === 'rest') return false
    return !waiting.isCome || this.streams.reader.bytesRead >= waiting.bytes
  }

  /** Goes on until nothing goes on by itself, and all steps are done. */
  async rest () {
    const begin = performance.now()
    for (let [looks, before] = [0, '']; ;) {
      await new Promise(resolve => looks > 0 && looks < QUIET_TURNS ? setImmediate(resolve) : setTimeout(resolve, 1))
      const now = this.signature()
      if (performance.now() - begin > AT_MOST) return this.log('uncaught', 'cut off')
      const isQuiet = now === before && !hasFileRequests() && !isWaiting() && !this.isCounting
      looks = isQuiet ? looks + 1 : 0
      before = now
      if (looks < QUIET_TURNS + this.patience) continue
      if (this.waiting === null) return
      this.come(this.waiting)
      looks = 0
    }
  }

  /** @returns {Promise<object>} a result, plain enough to be sent */
  async play () {
    const onError = error => this.log('uncaught', 'uncaught', error)
    process.on('uncaughtException', onError).on('unhandledRejection', onError)
    if (this.isSlow) this.restores.push(slowDisk())
    try {
      if (!await this.create()) return this.result()
      this.begin()
      this.goOn()
      await this.rest()
      this.noteEnd()
      await this.close()
      return this.result()
    } finally {
      this.isOver = true
      for (const restore of this.restores.reverse()) restore()
      process.off('uncaughtException', onError).off('unhandledRejection', onError)
      await this.remove()
    }
  }

  /** The process ends in mid-play. */
  resultAtExit () {
    if (this.streams === undefined) return this.result()
    this.noteEnd()
    for (const own of this.pieces) own.isUntold = true
    for (const receiver of this.receivers) receiver.settle()
    // What was read and is not yet given is lost.
    const last = Math.max(this.first, ...this.receivers.flatMap(({ runs }) => runs.map(({ to }) => to)))
    this.delivered = last - this.first
    const { target } = this.streams
    if (target.writableCorked > 0 && !target.destroyed && this.hasFile) this.receivers[0].isCut = this.receivers[0].mayLack = false
    this.isExact = false
    return this.result()
  }

  noteEnd () {
    const { reader, target } = this.streams
    this.isEnding = true
    // A reader that is destroyed may drop a chunk.
    this.delivered = reader.destroyed && !reader.readableEnded ? undefined : reader.bytesRead - reader.readableLength
    const isBroken = !target.writableFinished && (target.destroyed || target.errored != null)
    this.receivers[0].isCut = isBroken || target.writableCorked > 0 || !this.hasFile
    // What comes behind an end is refused.
    this.receivers[0].mayLack = this.receivers[0].isCut || target.errored != null || this.isEndedEarly
    if (this.second !== undefined && this.second.stream.destroyed) this.second.receiver.mayLack ||= !this.second.stream.writableFinished
    this.state = [stateOf(reader, READABLE), stateOf(target, WRITABLE)]
    this.isExact = this.hasFile && target.closed && (target.writableFinished || !this.isStock)
    this.undisturbed = this.isDisturbed() ? undefined : this.counts()
  }

  isDisturbed () {
    const { steps, listeners, target, source } = this.program
    return steps.length > 0 || listeners.length > 0 || !this.hasFile || source.kind !== 'file' || target.kind !== 'file'
  }

  counts () {
    const { reader, target } = this.streams
    const position = this.sourceFd === undefined ? undefined : positionOf(this.sourceFd)
    return { bytesRead: reader.bytesRead, bytesWritten: target.bytesWritten, pos: reader.pos, position }
  }

  /** Whoever is still open is closed. */
  async close () {
    this.logs.uncaught.push(...this.all.map((stream, at) => stream.closed ? undefined : `${at} was not closed`).filter(Boolean))
    const logs = this.logs
    this.logs = Object.fromEntries(Object.keys(logs).map(name => [name, []]))
    for (const stream of this.all) stream.destroy()
    await this.rest()
    this.logs = logs
    if (this.all.some(({ closed }) => !closed)) logs.uncaught.push('never closed')
    this.left = this.folder.descriptors().map(number => number === this.sourceFd ? 'source' : number === this.targetFd ? 'target' : 'another').sort()
  }

  result () {
    const { program, logs, state, left, undisturbed } = this
    const problems = this.streams === undefined ? [] : this.problems()
    return { program, logs, state, left, undisturbed, problems }
  }

  problems () {
    for (const receiver of this.receivers) receiver.settle()
    const { receivers, pieces, first, delivered, mayLeak, isExact } = this
    const isMadeUp = this.program.source.kind !== 'file'
    return problemsOf({ receivers, pieces, first, delivered: isMadeUp ? undefined : delivered, mayLeak, isExact, bytesWritten: this.streams.target.bytesWritten })
  }

  async remove () {
    for (const given of Object.values(this.given ?? {})) await closeGiven(given, this.folder)
    if (this.hasFile) fs.rmSync(this.targetPath, { force: true })
    this.folder.remove()
  }
}

const READABLE = ['destroyed', 'closed', 'readableEnded', 'readableAborted', 'readableEncoding', 'pending']
const WRITABLE = ['destroyed', 'closed', 'writableEnded', 'writableFinished', 'writableAborted', 'writableCorked', 'pending', 'fd']

function stateOf (stream, names) {
  const words = names.map(name => `${name}=${typeof stream[name] === 'number' && name === 'fd' ? 'number' : stream[name]}`)
  return [...words, `errored=${stream.errored?.code ?? stream.errored}`].join(' ')
}

/** Where the descriptor stands. */
function positionOf (fd) {
  try {
    return Number(/pos:\s*(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))[1])
  } catch {
    return 'closed'
  }
}

async function closeGiven (given, folder) {
  if (typeof given === 'object') return given.close().catch(() => {})
  if (folder.descriptors().includes(given)) fs.closeSync(given)
}

function only (options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== 'none' && value !== undefined))
}

function repeat (schedule, times, then) {
  schedule(() => times > 1 ? repeat(schedule, times - 1, then) : then())
}

/** @returns {Promise<object>} a result */
function play (program, api, options) {
  return new Player(program, api, options).play()
}

module.exports = { Player, play }

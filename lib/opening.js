'use strict'

// When and by whom the file of one stream is opened, and the gate: nothing is
// written before Node writes for the first time.

const { AsyncResource } = require('node:async_hooks')
const { Buffer } = require('node:buffer')
const fs = require('node:fs')
const process = require('node:process')
const { isMainThread } = require('node:worker_threads')
const { Base } = require('./base.js')
const channels = require('./channels.js')
const errors = require('./errors.js')
const eventLoop = require('./event-loop.js')
const { folderOf, isMode, isPath, toFlags } = require('./open-arguments.js')
const here = require('./open-here.js')

const { open: openAtLoad, write: writeAtLoad, writev: writevAtLoad, closeSync, openSync } = fs
const { permission } = process

/**
 * Whether `fs.close` is to know of a descriptor, so that it must be opened by `fs`: on Windows it is a number
 * of node.exe's own C runtime; Deno, and Node in a worker, keep account of those they have opened.
 */
const mustOpenHere = process.platform === 'win32' || process.versions.deno !== undefined || !isMainThread

/** Whether a path or a descriptor may be one of a file system that lives in this process (`--experimental-vfs`), of which only Node knows. */
const hasVfs = process.getBuiltinModule?.('node:vfs') !== undefined

const { O_APPEND, O_CREAT, O_EXCL, O_TRUNC, O_WRONLY } = fs.constants

/** Tells why the system won't open a file when Node's open would: in a turn of its own. What is wrong with an option is told at once. */
function tellLater (callback, error) {
  eventLoop.setImmediate(new AsyncResource('FSREQCALLBACK').bind(() => callback(error)))
}

/** Bytes that a run may buffer for a stream that it has made, and for all of them; then gates are opened early, or a loop that never yields would fill the memory. */
const HELD_FOR_ONE = 1024 * 1024
const HELD_FOR_ALL = 16 * 1024 * 1024

/** Memory that the streams of this run hold. */
let held = 0

/** Who opens the file. Each but the last may follow the one before. */
const WAITS = 0 // nobody yet
const NATIVE = 1 // Rust does
const NODE = 2 // Node's own code does, or a subclass

class Opening {
  /**
   * @param {import('./carrier.js')} carrier
   * @param {{ fd?: unknown, fs?: object, mkdir?: boolean, atomic?: { durable: boolean } }} options
   */
  constructor (carrier, { fd, fs: customFs, mkdir, atomic }) {
    this.carrier = carrier
    this.stream = carrier.stream
    this.control = carrier.control
    carrier.buffer.gate = this
    this.customFs = customFs
    /** Whether folders that are missing are made. */
    this.mkdir = mkdir === true
    /** How a file is replaced at once, if it is: `{ durable }`. */
    this.atomic = atomic ?? null
    this.by = WAITS
    this.isGateOpen = false
    /** Called when Rust has opened the file, or failed to; null: nobody waits for that. */
    this.callback = null
    this.resource = null
    /** The descriptor of a file that had to be opened here. */
    this.earlyFd = null
    /** Whether it could not be opened before Node opens it: once is enough. */
    this.hasFailedEarly = false
    if (this.hasDescriptor && this.isLasting(fd)) this.give(this.stream.fd)
  }

  get sink () {
    return this.control.sink
  }

  get start () {
    return this.stream.pos ?? -1
  }

  /** Whether nobody has patched how files are opened, and nobody restricts it. */
  static isUnpatched () {
    return permission === undefined && !hasVfs && fs.open === openAtLoad
  }

  /** Whether to open this file is as Node does it. */
  get isPlain () {
    const { customFs, stream } = this
    return Opening.isUnpatched() && (customFs == null || customFs.open === fs.open) &&
      stream.open === Base.prototype.open
  }

  /** Whether Rust may open the file as it is described now. */
  get isNative () {
    const { path, flags, mode } = this.stream
    return this.isPlain && !mustOpenHere && isPath(path) && toFlags(flags) !== undefined && isMode(mode)
  }

  /** What Rust is to open. */
  get request () {
    const { path, flags, mode } = this.stream
    return [Buffer.from(path), toFlags(flags), mode, this.start, this.mkdir]
  }

  /**
   * What Rust is to open in the place of the file: nothing is emptied.
   * @param {string | Buffer} path
   */
  reopenRequest (path) {
    const { flags, mode } = this.stream
    const kept = (toFlags(flags) ?? O_WRONLY) & ~(O_TRUNC | O_EXCL)
    return [Buffer.from(path), kept | O_APPEND | O_CREAT, isMode(mode) ? mode : 0o666, this.mkdir]
  }

  /** Whether what was given is what is written to. A `_construct` that is not ours may bring another descriptor, but Node writes to a FileHandle all the same. */
  isLasting (given) {
    return typeof given === 'object' || this.stream._construct === this.carrier.own.construct
  }

  /** Whether the descriptors of `fs` are the system's: where others write, they may have numbers of their own, which stand for anything here. */
  get areDescriptorsReal () {
    return fs.write === writeAtLoad && fs.writev === writevAtLoad
  }

  /** Whether chunks may be taken before Node has opened the file. */
  get mayTakeEarly () {
    return !hasVfs
  }

  /** Whether Rust can write to what Node has opened. */
  get isReal () {
    return !hasVfs || !this.control.isOpening || this.give(this.stream.fd) === null
  }

  /** Whether the stream has a descriptor: a given one, or one that somebody has opened. */
  get hasDescriptor () {
    return typeof this.stream.fd === 'number'
  }

  /**
   * Rust writes to a duplicate of `fd` from now on, whatever becomes of the number.
   * @returns {{ errno: number } | null} why it can't
   */
  give (fd) {
    return this.sink.give(fd, this.start)
  }

  /** Node's `_construct`: opens the file. */
  construct (callback) {
    const { carrier, stream } = this
    // The run that made it is over.
    held = 0
    const done = error => {
      if (!error && !this.isReal) error = this.leaveToNode()
      callback(error)
      if (!error && channels.open.hasSubscribers) channels.open.publish({ stream, path: stream.path, fd: stream.fd })
    }
    const error = this.atomic !== null && this.by === WAITS ? this.openReplacement() : null
    if (error !== null) return error.errno === undefined ? callback(error) : tellLater(callback, error)
    if (this.hasDescriptor || (this.by === WAITS && !this.isNative && !this.openHere())) {
      this.by = NODE
      return this.constructByNode(done)
    }
    this.callback = done
    this.resource = new AsyncResource('FSREQCALLBACK')
    eventLoop.ref()
    eventLoop.activate(carrier)
    if (this.by === WAITS) {
      this.by = NATIVE
      this.sink.open(...this.request, false)
    }
    // What Rust has opened early it does not tell once more.
    if (this.earlyFd !== null || !this.control.isOpening) eventLoop.setImmediate(() => this.poll())
    if (stream.destroyed && !carrier.ending.isFlushing) this.cancel()
  }

  /** The file is none that Rust can write. @returns {Error | null} why Node can't do it either */
  leaveToNode () {
    const { carrier } = this
    if (carrier.hasStages || carrier.isDurable || carrier.rotation !== null) return errors.invalidState('atomic, compress, digest, durable and rotate need a file that the system knows')
    carrier.ending.leaveToNode()
    return null
  }

  /** Node opens the file, and tells the error if it can't. */
  constructByNode (callback) {
    const { stream } = this
    const construct = () => Base.prototype._construct.call(stream, callback)
    if (!this.mkdir || this.hasDescriptor) return construct()
    fs.mkdir(folderOf(stream.path), { recursive: true }, error => {
      if (error) return callback(error)
      try {
        construct()
      } catch (error) {
        // An error of the options.
        callback(error)
      }
    })
  }

  /** Opens the file on this thread, if Rust can't. @returns {boolean} false: Node's own open is to tell the error */
  openHere () {
    if (!mustOpenHere || !this.isPlain) return false
    const fd = here.open(openSync, this.stream, this.mkdir)
    return fd !== null && this.keep(fd) === null
  }

  /** Opens the temporary file of one that is replaced. @returns {Error | null} why it can't be */
  openReplacement () {
    const { atomic, mkdir, sink, stream } = this
    const fd = here.openReplacement(sink, stream, mkdir, atomic.durable)
    if (typeof fd !== 'number') return fd
    const fault = this.keep(fd)
    return fault === null ? null : errors.failed(fault, 'open', stream.path)
  }

  /** Rust writes to what was opened here. @returns {{ errno: number } | null} why it can't */
  keep (fd) {
    const fault = this.give(fd)
    if (fault !== null) {
      closeSync(fd)
      return fault
    }
    this.earlyFd = fd
    this.by = NATIVE
    return null
  }

  /** Tells Node what has become of the open. @returns {boolean} false: nothing is waited for */
  poll () {
    const { callback, control, earlyFd, resource, stream } = this
    if (callback === null) return false
    if (earlyFd === null && control.isOpening) return true
    this.callback = this.resource = null
    eventLoop.unref()
    const fd = earlyFd ?? control.descriptor
    resource.runInAsyncScope(() => this.keepDomain(resource, () => {
      if (control.isUnopened) {
        // Node's own open is not to try again: the program may have other privileges by now.
        this.tellFailure(callback)
      } else if (fd >= 0) {
        stream.fd = fd
        callback()
        stream.emit('open', fd)
        stream.emit('ready')
      } else {
        callback()
      }
    }))
    return true
  }

  /** What a listener throws goes to the domain of `resource`, which would be left by then. */
  keepDomain (resource, tell) {
    try {
      tell()
    } catch (error) {
      if (process.domain == null) throw error
      resource.runInAsyncScope(eventLoop.setImmediate, undefined, () => { throw error })
    }
  }

  /** Node's first write: from now on bytes are written. @returns {{ errno: number } | null} why they can't be */
  openGate () {
    if (this.isGateOpen) return null
    const isWaiting = this.control.isOpening || this.control.isUnopened
    // Node's own open, or a subclass', is still to bring the descriptor.
    if (this.by !== NATIVE && isWaiting && !this.hasDescriptor) return null
    const fault = isWaiting && this.hasDescriptor ? this.give(this.stream.fd) : null
    if (fault !== null) return fault
    this.isGateOpen = true
    this.carrier.buffer.gate = null
    this.sink.release()
    return null
  }

  /** `bytes` of memory are held behind the closed gate, and the stream has accepted `accepted` bytes before. */
  hold (bytes, accepted) {
    held += bytes
    if (accepted >= HELD_FOR_ONE || held > HELD_FOR_ALL) this.openEarly(false)
  }

  /**
   * Opens the file on this thread and the gate, before Node does: for a loop that never yields, for `flushSync()`, and at the end of the process.
   * @param {boolean} isLast whether Node won't open it any more
   */
  openEarly (isLast) {
    // Rust would open what a subclass may not want to be opened.
    const isOurs = this.stream._construct === this.carrier.own.construct
    const mayTry = isLast || !this.hasFailedEarly
    if (this.by === WAITS && !this.hasDescriptor && isOurs && mayTry) {
      const { isNative } = this
      if (this.atomic !== null) this.hasFailedEarly = this.openReplacement() !== null
      else this.hasFailedEarly = isNative ? !this.openByRust() : !this.openHere()
      if (this.hasFailedEarly && isLast && this.atomic === null && !isNative && this.customFs == null) this.openByNode()
    }
    this.openGate()
  }

  /** Has Rust open the file on this thread. @returns {boolean} false: it can't, and what becomes of it is told when Node opens it */
  openByRust () {
    this.sink.open(...this.request, true)
    if (this.control.isUnopened) return false
    this.by = NATIVE
    return true
  }

  /** Opens the file as the program has it opened by now, with its checks. It is the last thing that is done with it, so nobody closes it. */
  openByNode () {
    this.by = NODE
    const fd = this.areDescriptorsReal ? here.open(fs.openSync, this.stream, this.mkdir) : null
    // Without one the bytes are lost, and it is told that they are.
    if (typeof fd === 'number') this.give(fd)
  }

  /** Why Rust could not open the file, as Node would have it, if it could not. @returns {Error | null} */
  get failure () {
    const { control, stream } = this
    return control.isUnopened ? errors.openFailed({ errno: control.descriptor }, stream.path) : null
  }

  /** Tells Node that Rust could not open the file, or make its folder. */
  tellFailure (callback) {
    const { failure, mkdir, stream } = this
    if (!mkdir) return callback(failure)
    fs.mkdir(folderOf(stream.path), { recursive: true }, error => callback(error ?? failure))
  }

  /** Gives up waiting for somebody to read from a FIFO. */
  cancel () {
    if (this.callback !== null) this.sink.cancel(0)
  }
}

module.exports = Opening

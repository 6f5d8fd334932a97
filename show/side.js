'use strict'

// One side of a run: a process that runs the program with one kind of stream, within limits, and what is known of it.

const { spawn } = require('node:child_process')
const { EventEmitter } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const readline = require('node:readline')
const { BYTES, MEMORY, SILENCE, TIME } = require('./limits.js')
const { REPORTS, TARGET } = require('./report.js')
const { File, Reader } = require('./targets.js')

const CHILD = path.join(__dirname, 'child.js')
const MIB = 1024 * 1024

/** Emits 'end' when its process has ended and what it has left in the pipe is read. */
class Side extends EventEmitter {
  /** What the process has reported last. */
  sample = null
  highest = { memory: 0, delay: 0 }
  mark = null
  error = null
  /** Whether it waits for room on the disk. */
  isStalled = false
  /** Why it was stopped before its end. */
  stopped = null
  outcome = null
  time = 0

  constructor (which, program, knobs, folder) {
    super()
    this.which = which
    this.program = program
    this.folder = fs.mkdtempSync(path.join(folder, 'spillway-show-'))
    this.file = knobs.speed === 'disk' ? path.join(this.folder, 'out') : null
    this.process = this.#spawn(knobs)
    this.target = this.file === null ? new Reader(this.process.stdio[TARGET], knobs.speed) : new File(this.file)
    this.timers = [setTimeout(() => this.stop('time'), program.time ?? TIME)]
    this.#watchSilence()
    readline.createInterface({ input: this.process.stdio[REPORTS] }).on('line', line => this.#onReport(JSON.parse(line)))
    // It could not be started; 'close' follows.
    this.process.once('error', error => { this.error = error })
    this.process.once('exit', (code, signal) => this.#onExit(code, signal))
    this.process.once('close', () => this.#onClose())
  }

  #spawn (knobs) {
    const { which, program, folder, file } = this
    const spec = { program: program.name, which, folder, file, source: this.#makeSource(knobs), knobs }
    const limit = `--max-old-space-size=${MEMORY / MIB}`
    const command = [...this.#diskLimit(), process.execPath, limit, CHILD, JSON.stringify(spec)]
    return spawn(command[0], command.slice(1), { stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'] })
  }

  /** A small disk for everybody: no file may grow beyond the soft limit, which can be raised. */
  #diskLimit () {
    const { disk } = this.program
    return disk ? ['prlimit', `--fsize=${disk.size}:`] : []
  }

  #growDisk () {
    // Fails if the process has ended meanwhile; then there is nothing to be done.
    spawn('prlimit', ['--pid', this.process.pid, '--fsize=unlimited:'], { stdio: 'ignore' }).on('error', () => {})
  }

  /** The file that is piped: as big as its target takes in time. It has a size and holds no room on the disk. */
  #makeSource ({ speed }) {
    const { input, seconds } = this.program
    if (input !== 'file') return null
    const source = path.join(this.folder, 'source')
    fs.writeFileSync(source, '')
    fs.truncateSync(source, speed === 'disk' ? BYTES : Math.min(BYTES, speed * seconds))
    return source
  }

  #onReport ({ type, ...values }) {
    this.silence.refresh()
    if (type === 'sample') this.#onSample(values)
    else if (type === 'ready') this.#onReady(values)
    else if (type === 'error') this.error = values
    else this.isStalled = type === 'stall'
  }

  #onReady ({ mark }) {
    const { disk, stops } = this.program
    this.mark = mark
    this.start = performance.now()
    if (disk) this.timers.push(setTimeout(() => this.#growDisk(), disk.grows))
    if (stops) this.timers.push(setTimeout(() => this.target.stop(), stops))
  }

  #onSample (sample) {
    // What it takes to load the streams is no part of the program.
    if (this.start === undefined) return
    this.sample = sample
    this.highest.memory = Math.max(this.highest.memory, sample.memory)
    this.highest.delay = Math.max(this.highest.delay, sample.delay)
    if (sample.memory > MEMORY) this.stop('memory')
  }

  #watchSilence () {
    this.silence = setTimeout(() => this.stop('silent'), SILENCE)
    this.timers.push(this.silence)
  }

  /** Ends the process at once. `why` is one of 'memory', 'time', 'silent', 'closed'. */
  stop (why) {
    this.stopped ??= why
    this.process.kill('SIGKILL')
  }

  #onExit (code, signal) {
    this.exit = { code, signal }
    // What is still read counts as no time of the process.
    this.timers.forEach(clearTimeout)
    // Nobody will read what is in the pipe, and its end would never be seen.
    if (this.program.stops || this.stopped === 'closed') this.process.stdio[TARGET].destroy()
  }

  #onClose () {
    this.timers.forEach(clearTimeout)
    this.target.stop()
    this.time = this.#elapsed()
    this.outcome = this.#judge()
    this.last = { ...this.figures(), arrived: this.target.arrived }
    fs.rmSync(this.folder, { recursive: true, force: true })
    this.emit('end')
  }

  /** How it ended, in one word, and the error if there was one. */
  #judge () {
    if (this.stopped !== null) return { kind: this.stopped }
    if (this.error?.code === 'ERR_STREAM_DESTROYED') return { kind: 'destroyed' }
    if (this.error !== null) return { kind: 'failed', code: this.error.code ?? this.error.message }
    return this.exit.code === 0 ? { kind: 'ended' } : { kind: 'crashed', code: this.exit.signal ?? this.exit.code }
  }

  #elapsed () {
    return this.start === undefined ? 0 : performance.now() - this.start
  }

  /** @returns {object | null} what is to be drawn now; null: it has not begun */
  figures () {
    if (this.last) return this.last
    if (this.sample === null) return null
    return {
      which: this.which,
      at: this.#elapsed(),
      mark: this.mark,
      ...this.sample,
      arrived: this.target.arrived,
      isStalled: this.isStalled
    }
  }

  /** @returns {object} what is to be told at its end */
  result () {
    const figures = this.last ?? {}
    const { accepted = 0, arrived = 0 } = figures
    return { ...figures, which: this.which, ...this.outcome, time: this.time, lost: Math.max(accepted - arrived, 0), highest: this.highest }
  }
}

module.exports = Side

'use strict'

// Plays a program of program.js in a folder of its own, and looks at the files after each of its streams.

const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { setTimeout } = require('node:timers/promises')
const { inOrder, plainName } = require('../../__tests__/helpers/log-files.js')
const { decode, decoders } = require('../../__tests__/helpers/decode.js')
const Journal = require('./journal.js')

/** How long a stream may take to its end, and closed files to be compressed, in milliseconds. */
const PATIENCE = 30_000

const turn = () => new Promise(resolve => setImmediate(resolve))

/** What each step of a stream does. */
const STEPS = {
  write ({ out, journal }, { kind, length, isCalled }) {
    const [chunk, encoding, bytes] = journal.chunk(kind, length)
    const end = journal.accept(bytes)
    out.write(chunk, encoding, isCalled ? error => { if (!error) journal.isDown(end) } : undefined)
  },

  'write many' (playing, { kind, length, count }) {
    for (let number = 0; number < count; number++) STEPS.write(playing, { kind, length, isCalled: false })
  },

  /** Of a file that is not to be cut where we say. */
  copy ({ out, journal, at }, { length }) {
    const source = at(`source of ${journal.length}`)
    const bytes = journal.bytes(length)
    fs.writeFileSync(source, bytes)
    journal.accept(bytes, true)
    out.writeFrom(source).catch(() => {})
  },

  turn,
  // While the stream is corked nobody is called.
  wait: ({ out }) => out.writableCorked > 0 ? turn() : new Promise(resolve => out.write('', resolve)),
  cork: ({ out }) => out.cork(),
  uncork: ({ out }) => out.uncork(),

  flush ({ out, journal }) {
    try {
      out.flushSync()
    } catch (error) {
      // Not open yet, or corked.
      if (error.code !== 'ERR_INVALID_STATE') throw error
      return
    }
    journal.isDown(journal.length)
  },

  reopen: ({ out }) => out.reopen(),

  sync ({ out, journal }, { how, isAwaited }) {
    const end = journal.length
    const synced = out[how]().then(() => journal.isDown(end), () => {})
    if (isAwaited && out.writableCorked === 0) return synced
  },

  /** Somebody moves the log away. Not where old files go, which would leave a gap behind it. */
  async move ({ out, file, moved, program }) {
    if (out.writableCorked > 0 || moved.length > 5 || program.keep !== 'all') return
    await out.sync()
    const last = inOrder(path.dirname(file), path.basename(file)).filter(name => name !== path.basename(file)).at(-1)
    const name = `moved ${'abcdef'[moved.length]}`
    if (fs.existsSync(file)) {
      fs.renameSync(file, path.join(path.dirname(file), name))
      // By the name that it has before it is compressed, which it may be in the meantime.
      moved.push({ name, behind: last && plainName(last) })
    }
  }
}

/** How a stream comes to its end. */
const ENDS = {
  end: out => out.end(),
  destroy: out => out.destroy(),
  fail: out => out.destroy(new Error('on purpose')),
  'flush and destroy' (out, playing) {
    STEPS.flush(playing)
    out.destroy()
  }
}

/** @returns {Promise<string[]>} what did not hold; none: all did */
async function play (drawn, createWriteStream) {
  const program = { ...drawn, compress: readable(drawn.compress) }
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-rotation-'))
  const at = name => path.join(home, name)
  const folder = at('logs')
  fs.mkdirSync(folder)
  const log = { program, folder, file: path.join(folder, 'app.log'), at, moved: [], journal: new Journal(), problems: [], createWriteStream }
  try {
    for (const stream of program.streams) {
      if (log.problems.length === 0) await playStream(log, stream)
    }
    return log.problems
  } finally {
    // Files may still be compressed there, if something did not hold.
    fs.rmSync(home, { recursive: true, maxRetries: 20 })
  }
}

/** What is drawn, if it can be read here. */
const readable = compress => compress === 'none' || decoders(compress).size > 0 ? compress : 'gzip'

async function playSteps (playing, steps, end) {
  const { out } = playing
  for (const step of steps) {
    if (out.destroyed) break
    await STEPS[step.do](playing, step)
  }
  ENDS[end](out, playing)
}

function rotateOf ({ size, interval, lines, compress, keep, name }) {
  const given = (value, none) => value === none ? undefined : value
  return { size, lines, interval: given(interval, 'none'), compress: given(compress, 'none'), keep: given(keep, 'all'), name: given(name, 'none') }
}

async function playStream (log, { steps, end, mark, isDurable }) {
  const { file, journal, problems, program } = log
  const out = log.createWriteStream(file, { rotate: rotateOf(program), highWaterMark: mark === 'none' ? undefined : mark, durable: isDurable })
  const events = []
  out.on('rotate', event => events.push(event))
  out.on('warning', error => problems.push(`a warning: ${error.message}`))
  // Node's own stream tells ERR_STREAM_DESTROYED, too, when it is destroyed while it writes.
  const isExpected = ({ code, message }) => message === 'on purpose' || (code === 'ERR_STREAM_DESTROYED' && end.includes('destroy'))
  out.on('error', error => { if (!isExpected(error)) problems.push(`an error: ${error.message}`) })
  let isFinished = false
  out.on('finish', () => { isFinished = true })
  journal.begin()
  const closed = once(out, 'close').catch(() => new Promise(resolve => out.closed ? resolve() : out.once('close', resolve)))
  const playing = { ...log, out }
  const isOver = await Promise.race([playSteps(playing, steps, end).then(() => closed).then(() => true), setTimeout(PATIENCE, false, { ref: false })])
  if (!isOver) {
    problems.push('the stream does not end')
    return
  }
  if (isFinished) journal.isDown(journal.length)
  if (end === 'end' && !isFinished) problems.push('no finish')
  if (problems.length > 0) return
  await tidied(log)
  problems.push(...journal.compare(filesOf(log), program), ...wrongEvents(log, events))
}

/** Closed files are compressed and removed beside the writing, also when the stream is closed. */
async function tidied ({ folder, program: { compress, keep } }) {
  if (compress === 'none' && keep === 'all') return
  const until = performance.now() + PATIENCE
  const isTidy = () => {
    const names = fs.readdirSync(folder)
    const closed = names.filter(name => name !== 'app.log' && !name.startsWith('moved'))
    return closed.every(name => compress === 'none' || /\.(gz|zst)$/.test(name)) && closed.length <= (keep === 'all' ? Infinity : keep)
  }
  while (!isTidy() && performance.now() < until) await turn()
  if (!isTidy()) throw new Error(`not tidied: ${fs.readdirSync(folder)}`)
}

/** The files in their order, as `{ name, bytes, isClosed }`. */
function filesOf ({ folder, moved }) {
  const names = inOrder(folder, 'app.log').filter(name => !name.startsWith('moved'))
  // One that was moved stands behind those that were closed by then.
  for (const { name, behind } of moved) {
    const place = Math.max(names.findIndex(other => plainName(other) === behind), lastMoved(names, moved, behind))
    names.splice(place + 1, 0, name)
  }
  return names.map(name => ({ name, bytes: read(path.join(folder, name)), isClosed: name !== 'app.log' && !name.startsWith('moved') }))
}

function lastMoved (names, moved, behind) {
  return names.findLastIndex(name => moved.some(other => other.name === name && other.behind === behind))
}

function read (name) {
  const bytes = fs.readFileSync(name)
  return name.endsWith('.gz') ? decode('gzip', bytes) : name.endsWith('.zst') ? decode('zstd', bytes) : bytes
}

/** 'rotate' tells of each file that was closed, in their order, and how many bytes it has. */
function wrongEvents (log, events) {
  const { folder, program } = log
  const problems = []
  for (const { path: file, bytes } of events) {
    const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? (program.keep === 'all' ? -1 : bytes)
    if (size !== bytes) problems.push(`'rotate' says ${bytes} bytes of ${path.basename(file)}, which has ${size}`)
  }
  log.told = [...log.told ?? [], ...events.map(event => path.relative(folder, event.path))]
  if (new Set(log.told).size !== log.told.length && program.keep === 'all') problems.push(`'rotate' tells twice: ${log.told}`)
  if (program.compress !== 'none' || program.keep !== 'all') return problems
  const closed = inOrder(folder, 'app.log').filter(name => name !== 'app.log' && !name.startsWith('moved'))
  if (closed.join() !== log.told.join()) problems.push(`'rotate' tells of ${log.told}, and the files are ${closed}`)
  return problems
}

module.exports = { play }

'use strict'

// What each action of a program does. All log what they answer, and nothing
// waits here: see play.js for that.

const events = require('node:events')
const fs = require('node:fs')
const { PassThrough, Readable, Writable, addAbortSignal, finished, pipeline, promises } = require('node:stream')
const chunks = require('./chunks.js')
const { overriding } = require('./subclasses.js')

/** What all writes of one play may have together, in bytes: some programs write in circles. */
const BYTES = 8 * 1024 * 1024

/** The arguments of a write() or end(). */
function argumentsOf (player, { chunk, encoding = 'none', callback }, name) {
  const args = []
  if (chunk !== undefined) args.push(player.makeChunk(chunk))
  if (chunk !== undefined && encoding !== 'none') args.push(encoding)
  if (callback !== undefined) args.push(player.callback(name, callback))
  return args
}

function errorOf (player, error) {
  return { none: [], null: [null], mine: [player.mine('of the program')] }[error]
}

const ACTIONS = {
  write (player, stream, action) {
    const args = argumentsOf(player, action, 'write')
    return player.expecting(args, () => stream.write(...args))
  },

  /** As many in one synchronous run. */
  writes (player, stream, { chunk, count }) {
    let answers = ''
    for (; count > 0 && player.bytes < BYTES; count--) {
      const value = player.makeChunk(chunk)
      player.expect(value)
      answers += stream.write(value) ? 't' : 'f'
    }
    return answers.replace(/(.)\1{3,}/g, (run, answer) => `${answer}*${run.length} `)
  },

  end (player, stream, action) {
    const args = argumentsOf(player, action, 'end')
    const end = () => stream.end(...args)
    return action.chunk === undefined ? end() : player.expecting(args, end)
  },

  /** end(undefined, undefined, callback), as some libraries call it. */
  'end as prefix': (player, stream) => stream.end(undefined, undefined, player.callback('end', [])),

  destroy (player, stream, { error, callback }) {
    const errors = errorOf(player, error)
    return callback === undefined ? stream.destroy(...errors) : stream.destroy(errors[0], player.callback('destroy', callback))
  },
  destroySoon: (player, stream) => stream.destroySoon(),
  close: (player, stream, { callback }) => stream.close(player.callback('close', callback)),
  cork: (player, stream) => stream.cork(),
  uncork: (player, stream) => stream.uncork(),
  'uncork all' (player, stream) {
    while (stream.writableCorked > 0) stream.uncork()
  },

  setDefaultEncoding: (player, stream, { encoding }) => stream.setDefaultEncoding(encoding),

  throw (player) {
    player.mayThrow = true
    throw player.mine('thrown')
  },

  tick (player, stream, { then }) {
    process.nextTick(player.callback('tick', then))
  },

  microtask (player, stream, { then }) {
    queueMicrotask(player.callback('microtask', then))
  },

  patch (player, stream, { method }) {
    const inherited = stream[method]
    stream[method] = overriding(player, { method, way: 'super' }, () => inherited)
    return method
  },

  set (player, stream, { name, value }) {
    stream[name] = value
  },

  look: (player, stream, { at }) => LOOKS[at](player, stream),
  change: (player, stream, { how }) => player.isCalm() ? CHANGES[how](player, stream) : 'not calm',

  /** By somebody else, behind the stream's back. */
  'close behind' (player) {
    if (player.fd === undefined || !player.isCalm()) return 'not calm'
    fs.closeSync(player.fd)
  },

  sync (player, stream, { how }) {
    if (!player.maySync()) return 'not now'
    const callback = player.callback(how, [])
    if (player.api === fs) Writable.prototype.write.call(stream, Buffer.alloc(0), callback)
    else stream[how](callback)
  },

  abort (player) {
    player.controller.abort()
  },

  addAbortSignal (player, stream, { isAborted }) {
    return addAbortSignal(isAborted ? AbortSignal.abort() : player.controller.signal, stream)
  },

  pipe (player, stream, { from, size, end }) {
    player.isPlain = false
    const source = player.addSource(from === 'PassThrough' ? new PassThrough({ highWaterMark: 100 }) : readStream(player, size))
    if (from === 'PassThrough' && size > 0) source.write(player.makeChunk({ kind: 'Buffer', size }))
    return source.pipe(stream, { end })
  },

  feed: (player, stream, { size }) => player.source?.write?.(player.makeChunk({ kind: 'Buffer', size })),
  unpipe: (player, stream) => player.source?.unpipe(stream),
  'pause source': player => player.source?.pause(),
  'resume source': player => player.source?.resume(),
  'end source': player => player.source instanceof PassThrough ? player.source.end() : 'no end',
  'destroy source': (player, stream, { error }) => player.source?.destroy(...errorOf(player, error)),

  finished (player, stream, { options, isPromise }) {
    if (isPromise) return player.promise('finished', promises.finished(stream, options))
    finished(stream, options, player.callback('finished', []))
  },

  pipeline (player, stream, { source, isPromise, end, isAborted }) {
    player.isPlain = false
    const options = { end, ...(isAborted ? { signal: player.controller.signal } : {}) }
    const from = makeSource(player, source)
    if (isPromise) return player.promise('pipeline', promises.pipeline(from, stream, options))
    return pipeline(from, stream, player.callback('pipeline', []))
  },

  once: (player, stream, { event }) => player.promise(`once ${event}`, events.once(stream, event)),

  asyncDispose (player, stream) {
    if (Symbol.asyncDispose === undefined || stream[Symbol.asyncDispose] === undefined) return 'absent'
    return player.promise('asyncDispose', stream[Symbol.asyncDispose]())
  },

  'write in a loop': (player, stream, { chunk, count }) => player.promise('loop', writeInLoop(player, stream, chunk, count))
}

/** The loop of the handbook: it waits for 'drain' whenever write() answers false. */
async function writeInLoop (player, stream, chunk, count) {
  for (let at = 0; at < count; at++) {
    const value = player.makeChunk(chunk)
    player.expect(value)
    const answer = stream.write(value)
    player.log('loop writes', [answer])
    if (!answer) await events.once(stream, 'drain')
  }
}

function readStream (player, size) {
  fs.writeFileSync(player.folder.of('source'), chunks.bytes(size, 7))
  return fs.createReadStream(player.folder.of('source'), { highWaterMark: Math.max(16, Math.ceil(size / 2)) })
}

function makeSource (player, { from, chunks: drawn }) {
  const values = drawn.map(chunk => player.makeChunk(chunk)).filter(value => value.length > 0)
  switch (from) {
    case 'array': return Readable.from(values, { objectMode: false })
    case 'PassThrough': {
      const source = player.addSource(new PassThrough({ highWaterMark: 100 }))
      for (const value of values) source.write(value)
      source.end()
      return source
    }
    case 'generator': return generate(values)
    case 'failing generator': return generate(values, player.mine('of a generator'))
  }
}

async function * generate (values, error) {
  yield * values
  if (error) throw error
}

/** What can be looked at: of the file only while nothing is under way. */
const LOOKS = {
  exists: player => player.isCalm() ? fs.existsSync(player.path) : 'not calm',
  size: player => player.isCalm() ? fs.statSync(player.path, { throwIfNoEntry: false })?.size : 'not calm',
  content: player => player.isCalm() && player.hasFile ? fs.readFileSync(player.path) : 'not calm',
  keys: (player, stream) => Object.keys(stream).join(),
  listeners: (player, stream) => stream.eventNames().map(name => `${String(name)}:${stream.listenerCount(name)}`).sort().join(),
}

const CHANGES = {
  rename: player => fs.renameSync(player.path, player.folder.of('renamed')),
  unlink: player => fs.unlinkSync(player.path),
  truncate: player => fs.truncateSync(player.path, 2),

  /** Past the stream, as writers of archives do. */
  header (player, stream) {
    if (typeof stream.fd !== 'number' || stream.closed) return 'no fd'
    player.isPlain = false
    return fs.writeSync(stream.fd, '<HEADER>')
  }
}

module.exports = { ACTIONS, BYTES }

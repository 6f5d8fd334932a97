'use strict'

// What each action of a program does.

const fs = require('node:fs')
const { PassThrough } = require('node:stream')
const { SOURCE, MOST, piece } = require('./content.js')

const never = new Int32Array(new SharedArrayBuffer(4))

/** The number of a piece has six bits. */
const PIECES = 60

const ACTIONS = {
  listen ({ reader, receive }) {
    const take = receive('listener')
    reader.on('data', take)
    this.listeners.push(take)
  },
  'listen no more' ({ reader }) {
    const take = this.listeners.pop()
    if (take === undefined) return
    this.leak()
    reader.off('data', take)
    take.receiver.detach()
  },
  'nobody listens' ({ reader }) {
    this.leak()
    reader.removeAllListeners('data')
  },
  'listen to readable' ({ reader, receive }) {
    const take = receive('readable listener')
    const onReadable = () => { for (let chunk; (chunk = reader.read()) !== null;) take(chunk) }
    reader.on('readable', onReadable)
    this.readables.push(onReadable)
  },
  'listen to readable no more' ({ reader }) {
    const onReadable = this.readables.pop()
    if (onReadable === undefined) return
    this.leak()
    reader.off('readable', onReadable)
  },
  'for await' ({ reader, receive }, { chunks }) {
    const take = receive('loop')
    const loop = async () => {
      let left = chunks
      for await (const chunk of reader) {
        take(chunk)
        if (--left === 0) break
      }
    }
    loop().then(() => this.log('loop', 'done'), error => this.log('loop', 'failed', error))
  },
  setEncoding: ({ reader }, { encoding }) => { reader.setEncoding(encoding) },
  read ({ reader, receive }) {
    // A pipe sees it as well.
    const chunk = reader.read()
    if (chunk !== null) receive('read')(chunk)
  },

  pause: ({ reader }) => { reader.pause() },
  resume ({ reader }) {
    this.leak()
    reader.resume()
  },
  unpipe ({ reader, target }, { all }) {
    // A destination that is full has Node's reader flow once more when it is unpiped, with the others, and then into nothing.
    if (all && reader._readableState.pipes.length > 1 && isAwaited(reader)) this.leak()
    // Before a listener may pipe again.
    this.receivers[0].detach()
    if (all) this.second?.receiver.detach()
    reader.unpipe(all ? undefined : target)
  },
  pipe ({ reader, target }, { end }) {
    // Twice into the same one, and it gets each chunk twice.
    if (isPiped(reader, target)) return
    reader.pipe(target, { end })
    this.receivers[0].attach()
  },
  'pipe second' ({ reader, receive }, { kind }) {
    if (this.second === undefined) {
      this.second = kind === 'file' ? this.secondFile() : secondPassThrough(receive)
      this.watch('second', this.second.stream)
    }
    if (isPiped(reader, this.second.stream)) return
    reader.pipe(this.second.stream)
    this.second.receiver.attach()
  },
  'unpipe second' ({ reader }) {
    if (this.second === undefined) return
    reader.unpipe(this.second.stream)
    this.second.receiver.detach()
  },

  write ({ target }, { size }) {
    const own = this.newPiece(size)
    if (own !== null) target.write(own.bytes, own.callback)
  },
  cork: ({ target }) => { target.cork() },
  uncork: ({ target }) => { target.uncork() },
  writeFrom ({ target }, { size }) {
    const own = this.newPiece(size)
    if (own === null) return
    // Behind what is not to be read, and before what is not either.
    const file = this.folder.of(`piece-${own.number}`)
    fs.writeFileSync(file, Buffer.concat([Buffer.alloc(own.number, 'x'), own.bytes, Buffer.from('y')]))
    const range = { start: own.number, end: own.number + own.bytes.length - 1 }
    // Ours refuses where a patch writes the chunks.
    own.isRefused ||= this.isPatched
    if (target.writeFrom !== undefined) target.writeFrom(file, range).then(count => own.callback(count === own.bytes.length ? null : new Error(`${count} bytes`)), own.callback)
    else if (this.isPatched) own.callback(new Error('refused'))
    else target.write(own.bytes, own.callback)
  },
  end ({ target }) {
    this.isEndedEarly = true
    target.end()
  },
  'end with' ({ target }, { size }) {
    const own = this.newPiece(size)
    if (own === null) return
    this.isEndedEarly = true
    // The callback of an end is one of the stream.
    own.isUntold = true
    target.end(own.bytes)
  },
  'destroy target': ({ target }, { error }) => { target.destroy(...errorOf(error)) },
  'destroy source': ({ reader }, { error }) => { reader.destroy(...errorOf(error)) },
  abort () { this.controller.abort() },

  truncate (streams, { size }) {
    if (this.program.source.kind !== 'file') return
    fs.truncateSync(this.sourcePath, Math.min(size, fs.statSync(this.sourcePath).size))
  },
  append (streams, { size }) {
    if (this.program.source.kind !== 'file') return
    const from = fs.statSync(this.sourcePath).size
    fs.appendFileSync(this.sourcePath, SOURCE.subarray(from, Math.min(from + size, MOST)))
  },
  'patch reader': ({ reader }, { method }) => { wrap(reader, method) },
  'patch target' ({ target }, { method }) {
    if (method.startsWith('_write')) this.isPatched = true
    wrap(target, method)
  },
  'patch fs.read' () { this.restores.push(wrap(fs, 'read')) },
  hold (streams, { time }) { Atomics.wait(never, 0, 0, time) },
  exit () { this.exit?.() }
}

function isPiped (reader, target) {
  return reader._readableState.pipes.includes(target)
}

/** Whether a destination of `reader` is full. */
function isAwaited (reader) {
  return reader._readableState.pipes.some(({ writableNeedDrain }) => writableNeedDrain)
}

function errorOf (error) {
  return error === 'none' ? [] : [Object.assign(new Error('of the program'), { code: 'MINE' })]
}

/** A method that does what it did. @returns {() => void} takes it away again */
function wrap (object, method) {
  const original = object[method]
  object[method] = function (...args) { return Reflect.apply(original, this, args) }
  return () => { object[method] = original }
}

function secondPassThrough (receive) {
  const stream = new PassThrough()
  const take = receive('PassThrough')
  stream.on('data', take)
  return { stream, receiver: take.receiver }
}

module.exports = { ACTIONS, PIECES, piece }

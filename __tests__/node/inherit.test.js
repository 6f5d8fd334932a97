'use strict'

// The ways programs make one of their own: with and without new, apply,
// subclasses old and new, patched methods.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { Writable } = require('node:stream')
const spillway = require('../..')
const { Run, sameAsStock, closed, opened } = require('../helpers/same-as-stock.js')

sameAsStock('without new', async run => {
  const stream = run.watch(run.WriteStream(run.path))
  run.log(stream instanceof run.WriteStream, stream instanceof fs.WriteStream, stream instanceof Writable)
  stream.end('x')
  await closed(stream)
})

sameAsStock('with new', async run => {
  const { WriteStream } = run
  const stream = run.watch(new WriteStream(run.path, { flags: 'a' }))
  run.log(stream instanceof fs.WriteStream, stream.constructor === WriteStream)
  stream.end('x')
  await closed(stream)
})

sameAsStock('apply on a this that inherits, as graceful-fs does', async run => {
  const Base = run.WriteStream
  function Graceful (...args) {
    if (!(this instanceof Graceful)) return Graceful.apply(Object.create(Graceful.prototype), args)
    Base.apply(this, args)
    return this
  }
  Graceful.prototype = Object.create(Base.prototype)
  const stream = run.watch(new Graceful(run.path))
  stream.write('a', run.callback('a', stream))
  stream.end('b')
  await closed(stream)
  const called = run.watch(Graceful(run.path, { flags: 'a' }))
  called.end('c')
  await closed(called)
})

sameAsStock('apply on a foreign this gives a stream all the same', async run => {
  const stream = run.watch(run.WriteStream.call({}, run.path))
  stream.end('x')
  await closed(stream)
})

sameAsStock('class extends', async run => {
  class Loud extends run.WriteStream {
    write (chunk, ...rest) {
      return super.write(String(chunk).toUpperCase(), ...rest)
    }
  }
  const stream = run.watch(new Loud(run.path))
  stream.write('a', run.callback('a', stream))
  stream.write('b')
  stream.end('c')
  await closed(stream)
})

sameAsStock('a subclass with its own _write and _writev', async run => {
  class Twice extends run.WriteStream {
    _write (chunk, encoding, callback) {
      run.log('_write', chunk.length)
      super._write(Buffer.concat([chunk, chunk]), encoding, callback)
    }

    _writev (chunks, callback) {
      run.log('_writev', chunks.length)
      super._writev(chunks.flatMap(chunk => [chunk, chunk]), callback)
    }
  }
  const stream = run.watch(new Twice(run.path, { highWaterMark: 4 }))
  for (const text of ['a', 'bb', 'ccc']) run.call(text, () => stream.write(text, run.callback(text, stream)))
  stream.end('d')
  await closed(stream)
})

sameAsStock('a _write that is patched in', async run => {
  const stream = run.create({ highWaterMark: 4 })
  const { _write } = stream
  stream._write = function (chunk, encoding, callback) {
    run.log('_write', chunk.length)
    return _write.call(this, chunk, encoding, callback)
  }
  stream._writev = null
  for (const text of ['a', 'bb', 'ccc']) run.call(text, () => stream.write(text, run.callback(text, stream)))
  stream.end('d')
  await closed(stream)
})

sameAsStock('write, writev, final and destroy as options', async run => {
  const stream = run.create({
    write (chunk, encoding, callback) {
      run.log('write', String(chunk))
      callback()
    },
    final (callback) {
      run.log('final')
      callback()
    }
  })
  stream.write('a', run.callback('a', stream))
  stream.end('b')
  await closed(stream)
})

sameAsStock('a subclass with its own _final and _destroy', async run => {
  class Own extends run.WriteStream {
    _final (callback) {
      run.log('final')
      callback()
    }

    _destroy (error, callback) {
      run.log('destroy', error)
      super._destroy(error, callback)
    }
  }
  const stream = run.watch(new Own(run.path))
  stream.end('x')
  await closed(stream)
})

sameAsStock('an open that was patched in', async run => {
  class Opens extends run.WriteStream {
    open () {
      fs.open(this.path, this.flags, this.mode, (error, fd) => {
        if (error) return this.emit('error', error)
        this.fd = fd
        this.emit('open', fd)
        this.emit('ready')
      })
    }
  }
  const stream = run.watch(new Opens(run.path))
  stream.write('a', run.callback('a', stream))
  stream.end('b')
  await closed(stream)
})

sameAsStock('object mode', async run => {
  const stream = run.create({ objectMode: true, highWaterMark: 2 })
  for (const name of ['a', 'b', 'c']) run.call(name, () => stream.write(Buffer.from(name), run.callback(name, stream)))
  stream.end()
  await closed(stream)
})

sameAsStock('properties can be set as on stock', async run => {
  const stream = run.create()
  run.log(stream.autoClose, (stream.autoClose = false), stream.autoClose)
  run.log(stream.bytesWritten)
  stream.end('x')
  await new Promise(resolve => stream.once('finish', resolve))
  stream.destroy()
  await closed(stream)
})

test('import sees what require sees', () => {
  const script = `
    import { createRequire } from 'node:module'
    import * as imported from 'spillway'
    const required = createRequire(import.meta.url)('spillway')
    console.log(imported.createWriteStream === required.createWriteStream, imported.WriteStream === required.WriteStream)`
  const root = path.join(__dirname, '..', '..')
  // By its own name, as "exports" in package.json allows.
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: root, encoding: 'utf8' })
  expect(printed).toBe('true true\n')
})

test('a stream that keeps to stock counts its bytes as stock does', async () => {
  const run = new Run(spillway)
  await run.result(async () => {
    const stream = run.create({ objectMode: true })
    stream.end(Buffer.from('abc'))
    await closed(stream)
    expect(stream.bytesWritten).toBe(3)
  })
})

sameAsStock('a _destroy() that leaves it to super, before the stream is constructed', async run => {
  class Heir extends run.WriteStream {
    _destroy (error, callback) { super._destroy(error, callback) }
  }
  const stream = run.watch(new Heir(run.path))
  stream.destroy()
  await closed(stream)
})

sameAsStock('a _write() that asks super only in a later tick, and an end() meanwhile', async run => {
  class Heir extends run.WriteStream {
    _write (...args) { process.nextTick(() => super._write(...args)) }
  }
  const stream = run.watch(new Heir(run.path))
  await opened(stream)
  stream.write('a', () => stream.end('b'))
  await closed(stream)
})

sameAsStock('a _final() that writes a footer', async run => {
  class Heir extends run.WriteStream {
    _final (callback) { super._write(Buffer.from('footer'), 'buffer', callback) }
  }
  const stream = run.watch(new Heir(run.path))
  stream.write('body ')
  stream.end()
  await closed(stream)
})

sameAsStock('a _write() that asks super when the stream is closed', async run => {
  run.ignoreBytes()
  const fd = fs.openSync(run.path, 'w')
  class Heir extends run.WriteStream {
    _write (...args) { setImmediate(() => super._write(...args)) }
    _destroy (error, callback) { callback(error) }
  }
  const stream = run.watch(new Heir(null, { fd }))
  await new Promise(resolve => setImmediate(resolve))
  const written = new Promise(resolve => stream.write('a', resolve))
  stream.destroy()
  run.log('callback', (await written)?.code, run.content())
  fs.closeSync(fd)
})

'use strict'

// _write and _writev of a subclass, or of options, are called as stock calls them.

const { sameAsStock, closed, opened, turns } = require('../helpers/same-as-stock.js')

/** What each call is given. */
const logWrite = (run, chunk, encoding) => run.log('_write', String(chunk), Buffer.isBuffer(chunk), encoding)
const logWritev = (run, chunks) => run.log('_writev', chunks.map(({ chunk, encoding }) => [String(chunk), Buffer.isBuffer(chunk), encoding]), chunks.allBuffers)

const CLASSES = {
  'its own _write': run => class extends run.WriteStream {
    _write (chunk, encoding, callback) {
      logWrite(run, chunk, encoding)
      super._write(chunk, encoding, callback)
    }
  },
  'its own _writev': run => class extends run.WriteStream {
    _writev (chunks, callback) {
      logWritev(run, chunks)
      super._writev(chunks, callback)
    }
  },
  'both its own': run => class extends run.WriteStream {
    _write (chunk, encoding, callback) {
      logWrite(run, chunk, encoding)
      super._write(chunk, encoding, callback)
    }

    _writev (chunks, callback) {
      logWritev(run, chunks)
      super._writev(chunks, callback)
    }
  },
  'no _writev': run => {
    class Own extends run.WriteStream {
      _write (chunk, encoding, callback) {
        logWrite(run, chunk, encoding)
        super._write(chunk, encoding, callback)
      }
    }
    Own.prototype._writev = null
    return Own
  },
  'a _write that goes nowhere': run => class extends run.WriteStream {
    _write (chunk, encoding, callback) {
      logWrite(run, chunk, encoding)
      callback()
    }

    _writev (chunks, callback) {
      logWritev(run, chunks)
      process.nextTick(callback)
    }
  }
}

const OPTIONS = {
  'options.write': run => ({
    write (chunk, encoding, callback) {
      logWrite(run, chunk, encoding)
      callback()
    }
  }),
  'options.writev': run => ({
    writev (chunks, callback) {
      logWritev(run, chunks)
      setImmediate(callback)
    }
  }),
  'options.write and options.writev': run => ({
    write (chunk, encoding, callback) {
      logWrite(run, chunk, encoding)
      setImmediate(callback)
    },
    writev (chunks, callback) {
      logWritev(run, chunks)
      setImmediate(callback)
    }
  })
}

const MAKERS = {
  ...Object.fromEntries(Object.entries(CLASSES).map(([name, of]) => [name, (run, options) => new (of(run))(run.path, options)])),
  ...Object.fromEntries(Object.entries(OPTIONS).map(([name, of]) => [name, (run, options) => run.createWriteStream(run.path, { ...options, ...of(run) })]))
}

for (const [name, make] of Object.entries(MAKERS)) {
  for (const when of ['before open', 'after open']) {
    for (const highWaterMark of [4, 1000]) {
      sameAsStock(`${name}, ${when}, mark ${highWaterMark}`, async run => {
        const stream = run.watch(make(run, { highWaterMark }))
        if (when === 'after open') await opened(stream)
        for (const chunk of ['a', Buffer.from('bb'), 'ccc', '']) run.call('write', () => stream.write(chunk, run.callback(String(chunk), stream)))
        stream.write('6464', 'hex', run.callback('hex', stream))
        run.state('written to', stream)
        stream.end('e', run.callback('end', stream))
        await closed(stream)
      })
    }

    sameAsStock(`${name}, corked ${when}`, async run => {
      const stream = run.watch(make(run, { highWaterMark: 4 }))
      if (when === 'after open') await opened(stream)
      stream.cork()
      for (const chunk of ['a', 'bb', 'ccc']) stream.write(chunk, run.callback(chunk, stream))
      stream.uncork()
      run.state('uncorked', stream)
      stream.end()
      await closed(stream)
    })

    // Those of setImmediate() race with the close.
    if (name.includes('options.writev')) continue
    sameAsStock(`${name}, destroyed ${when}`, async run => {
      run.ignoreBytes()
      const stream = run.watch(make(run, { highWaterMark: 4 }))
      if (when === 'after open') await opened(stream)
      for (const chunk of ['a', 'bb', 'ccc']) stream.write(chunk, run.callback(chunk, stream))
      stream.destroy()
      run.state('destroyed', stream)
      await closed(stream)
      run.state('closed', stream)
    })
  }
}

for (const way of ['calls super._write', 'holds its callback', 'calls super._write and holds its callback']) {
  sameAsStock(`writableLength of a _write that ${way}, with destroy()`, async run => {
    run.comparesBytes = false
    const held = []
    class Own extends run.WriteStream {
      _write (chunk, encoding, callback) {
        const later = way.endsWith('holds its callback') ? error => held.push(() => callback(error)) : callback
        if (way.startsWith('calls')) super._write(chunk, encoding, later)
        else later()
      }
    }
    Own.prototype._writev = null
    const stream = new Own(run.path)
    stream.on('error', () => {})
    await opened(stream)
    const levels = []
    const note = () => levels.push(stream.writableLength)
    for (const chunk of ['a', 'bb', 'ccc']) stream.write(chunk, note)
    note()
    stream.destroy()
    note()
    await turns(10)
    note()
    while (held.length > 0) held.shift()()
    note()
    await closed(stream)
    await turns(5)
    note()
    // How low they are is a matter of time.
    run.log(levels.every(level => level >= 0))
  })
}

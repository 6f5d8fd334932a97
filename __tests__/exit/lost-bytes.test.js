'use strict'

// Who waits for the end of a stream is told an error when bytes of it are lost, whatever the options.

const fs = require('node:fs')
const { Readable, PassThrough, finished, pipeline } = require('node:stream')
const promises = require('node:stream/promises')
const { sameAsStock, opened, turns } = require('../helpers/same-as-stock.js')
const { until } = require('../helpers/open-files.js')

const OPTIONS = [{}, { autoClose: false }, { emitClose: false }, { autoClose: false, emitClose: false }]

const MINE = () => Object.assign(new Error('mine'), { code: 'MINE' })

/** A write that does not come to its end within this run of JavaScript. */
const BIG = Buffer.alloc(300_000, 'x')

/** The ways to wait: each calls `done(error)` at the end. */
const WAITS = {
  'finished()': (stream, done) => { finished(stream, done) },
  'finished() for writing alone': (stream, done) => { finished(stream, { readable: false }, done) },
  'finished() of promises': (stream, done) => { promises.finished(stream).then(() => done(), done) },
  'end(callback)': (stream, done) => { stream.end(done) },
  asyncDispose: (stream, done) => { stream[Symbol.asyncDispose]().then(() => done(), done) },
  'destroy and asyncDispose': (stream, done) => { stream.destroy()[Symbol.asyncDispose]().then(() => done(), done) }
}

/** What happens to the stream, when it is waited for. */
const FATES = {
  'destroy()': stream => { stream.destroy() },
  'destroy(error)': stream => { stream.destroy(MINE()) },
  'destroy() in the next tick': stream => { process.nextTick(() => stream.destroy()) },
  'end() and destroy()': stream => { stream.end().destroy() },
  'end(chunk) and destroy()': stream => { stream.end('last').destroy() },
  'end() and destroy(error)': stream => { stream.end().destroy(MINE()) },
  'destroy() and end()': stream => { stream.destroy().end() },
  'close()': stream => { stream.close() },
  'destroySoon()': stream => { stream.destroySoon() },
  'a write behind the end': stream => {
    stream.end()
    stream.write('late')
  }
}

/** A stream with an ear for errors, which stock throws if nobody listens. */
function make (run, options, file) {
  const stream = run.createWriteStream(file ?? run.path, options)
  stream.on('error', error => run.log('error', error.code))
  return stream
}

for (const options of OPTIONS) {
  const name = JSON.stringify(options)

  for (const when of ['before open', 'after open']) {
    for (const [wait, listen] of Object.entries(WAITS)) {
      for (const [fate, meet] of Object.entries(FATES)) {
        // Stock's callback never comes then, and nobody destroys.
        if (wait === 'end(callback)' && fate === 'a write behind the end' && options.autoClose === false) continue
        sameAsStock(`${wait} is told of ${fate}, bytes waiting, ${when}, ${name}`, async run => {
          // How much of it is written is a matter of time.
          run.comparesBytes = false
          const stream = make(run, options)
          if (when === 'after open') await opened(stream)
          stream.write(BIG)
          stream.write('more', error => run.log('callback', error?.code))
          const told = []
          listen(stream, error => told.push(error?.code))
          meet(stream)
          await until(() => told.length > 0 || stream.closed)
          stream.destroy()
          await until(() => stream.closed)
          await turns(5)
          // The order of what else is told is another matter.
          run.entries = [['told', ...told]]
        })
      }
    }
  }

  for (const [wait, listen] of Object.entries(WAITS)) {
    sameAsStock(`${wait} is told that a write fails, ${name}`, async run => {
      fs.writeFileSync(run.path, 'there before')
      const stream = make(run, { ...options, flags: 'r' })
      stream.write('a', error => run.log('callback', error?.code))
      const told = []
      listen(stream, error => told.push(error?.code))
      await until(() => told.length > 0 || stream.closed)
      stream.destroy()
      await until(() => stream.closed)
      await turns(5)
      run.entries = [['told', ...told]]
    })

    // As above.
    if (wait !== 'end(callback)' || options.autoClose !== false) {
      sameAsStock(`${wait} is told that the file can't be opened, ${name}`, async run => {
        const stream = make(run, options, `${run.folder}/missing/file`)
        stream.write('a', error => run.log('callback', error?.code))
        const told = []
        listen(stream, error => told.push(error?.code))
        await until(() => told.length > 0 || stream.closed)
        await turns(5)
        run.entries = [['told', ...told]]
      })
    }

    sameAsStock(`${wait}, called when a write has failed, ${name}`, async run => {
      fs.writeFileSync(run.path, 'there before')
      const stream = make(run, { ...options, flags: 'r' })
      stream.write('a')
      await new Promise(resolve => stream.once('error', resolve))
      const told = []
      listen(stream, error => told.push(error?.code))
      await turns(5)
      run.log(told)
      stream.destroy()
    })

    sameAsStock(`${wait}, called when bytes were lost by destroy(), ${name}`, async run => {
      run.comparesBytes = false
      const stream = make(run, options)
      await opened(stream)
      stream.write(BIG)
      stream.write(BIG)
      stream.destroy()
      await until(() => stream.closed)
      await turns(5)
      const told = []
      listen(stream, error => told.push(error?.code))
      await turns(5)
      run.log(told, stream.writableFinished)
    })

    if (wait.startsWith('finished')) {
      sameAsStock(`${wait} hears nothing bad when nothing is lost, ${name}`, async run => {
        const stream = make(run, options)
        stream.write('a')
        const told = []
        await new Promise(resolve => {
          listen(stream, error => told.push(error?.code))
          stream.end('b', resolve)
        })
        await turns(10)
        run.log(told)
        stream.destroy()
      })
    }
  }

  const SOURCES = {
    'a source that goes on': () => Readable.from((function * () { for (;;) yield BIG })()),
    'a source that has ended': () => Readable.from([BIG, BIG, 'end'])
  }

  for (const [source, of] of Object.entries(SOURCES)) {
    // Without 'close' stock's never hears of it; and a source that has ended races.
    if (options.emitClose !== false && source === 'a source that goes on') {
      sameAsStock(`pipeline() is told of destroy(), ${source}, ${name}`, async run => {
        run.comparesBytes = false
        const stream = make(run, options)
        const piped = new Promise(resolve => pipeline(of(), stream, resolve))
        stream.once('ready', () => stream.destroy())
        run.log((await piped)?.code)
      })
    }

    sameAsStock(`pipeline() is told of a write that fails, ${source}, ${name}`, async run => {
      fs.writeFileSync(run.path, 'there before')
      const stream = run.createWriteStream(run.path, { ...options, flags: 'r' })
      run.log((await new Promise(resolve => pipeline(of(), stream, resolve)))?.code)
      stream.destroy()
    })

    sameAsStock(`pipeline() through others is told, ${source}, ${name}`, async run => {
      fs.writeFileSync(run.path, 'there before')
      const stream = run.createWriteStream(run.path, { ...options, flags: 'r' })
      const error = await promises.pipeline(of(), new PassThrough(), stream).catch(error => error)
      run.log(error?.code)
      stream.destroy()
    })
  }

  sameAsStock(`pipeline() is told of a signal, ${name}`, async run => {
    run.comparesBytes = false
    const controller = new AbortController()
    const stream = make(run, options)
    const piped = promises.pipeline(SOURCES['a source that goes on'](), stream, { signal: controller.signal }).catch(error => error)
    stream.once('ready', () => controller.abort())
    run.log((await piped)?.code)
  })

  sameAsStock(`pipeline() of all that there is, ${name}`, async run => {
    const stream = make(run, options)
    run.log(await promises.pipeline(SOURCES['a source that has ended'](), stream))
    stream.destroy()
  })
}

'use strict'

// Node's stream machinery around it: pipe, pipeline, finished, generators, web streams.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const stream = require('node:stream')
const { pipeline, finished } = require('node:stream/promises')
const zlib = require('node:zlib')
const { sameAsStock, closed, opened } = require('../helpers/same-as-stock.js')

/** A stream into which another flows: how often it drains is a matter of time. */
function sink (run, options) {
  run.ignoreState()
  return run.create(options).removeAllListeners('drain')
}

function source (run, size = 300_000) {
  const file = path.join(run.folder, 'source')
  fs.writeFileSync(file, Buffer.alloc(size, 'The quick brown fox. '))
  return file
}

sameAsStock('pipe', async run => {
  const out = sink(run, { highWaterMark: 1000 })
  fs.createReadStream(source(run)).pipe(out)
  await closed(out)
})

sameAsStock('pipe without end, and unpipe', async run => {
  const out = run.create()
  const reader = stream.Readable.from(['a', 'b', 'c'])
  reader.pipe(out, { end: false })
  await once(reader, 'end')
  reader.unpipe(out)
  out.end('d')
  await closed(out)
})

sameAsStock('pipe into one that needs a drain waits for it', async run => {
  const out = run.create({ highWaterMark: 2 })
  out.write('xx')
  const reader = stream.Readable.from(['a', 'b', 'c'])
  reader.pipe(out)
  run.state('piped', out)
  await closed(out)
})

sameAsStock('pipeline', async run => {
  const out = sink(run, { highWaterMark: 1000 })
  await pipeline(fs.createReadStream(source(run)), out)
  run.state('done', out)
})

sameAsStock('pipeline through gzip', async run => {
  const out = sink(run, { highWaterMark: 100 })
  await pipeline(fs.createReadStream(source(run)), zlib.createGzip(), out)
  run.state('done', out)
})

sameAsStock('pipeline from an async generator', async run => {
  const out = sink(run, { highWaterMark: 4 })
  await pipeline(async function * () {
    for (let count = 0; count < 20; count++) yield `${count} `
  }, out)
  run.state('done', out)
})

sameAsStock('pipeline whose source fails', async run => {
  run.ignoreBytes()
  const out = run.create()
  await pipeline(async function * () {
    yield 'a'
    throw Object.assign(new Error('source'), { code: 'SOURCE' })
  }, out).catch(error => run.log('rejected', error.code))
  await closed(out)
})

sameAsStock('pipeline that is aborted', async run => {
  run.ignoreBytes()
  const controller = new AbortController()
  const out = run.create()
  await opened(out)
  const done = pipeline(async function * () {
    yield 'a'
    controller.abort()
    yield 'b'
  }, out, { signal: controller.signal })
  await done.catch(error => run.log('rejected', error.code, error.name))
  await closed(out)
})

sameAsStock('pipeline into a missing folder', async run => {
  // The reader races with the opening that fails.
  run.ignoreState()
  const out = run.create({}, path.join(run.folder, 'missing', 'file'))
  await pipeline(fs.createReadStream(source(run)), out).catch(error => run.log('rejected', error.code, error.syscall))
})

for (const options of [{}, { autoClose: false }, { emitClose: false }]) {
  sameAsStock(`finished, ${JSON.stringify(options)}`, async run => {
    const out = run.create(options)
    const isClosed = options.emitClose === false ? undefined : closed(out)
    out.write('a')
    const before = finished(out).then(() => run.log('before'), error => run.log('before', error.code))
    out.end('b')
    const after = finished(out).then(() => run.log('after'), error => run.log('after', error.code))
    await before
    await after
    out.destroy()
    await isClosed
  })
}

sameAsStock('Readable.from', async run => {
  const out = run.create({ highWaterMark: 2 })
  stream.Readable.from(['a', Buffer.from('b'), 'ccc', 'd']).pipe(out)
  await closed(out)
})

sameAsStock('for await, with drain', async run => {
  const out = sink(run, { highWaterMark: 1000 })
  for await (const chunk of fs.createReadStream(source(run))) if (!out.write(chunk)) await once(out, 'drain')
  out.end()
  await closed(out)
})

sameAsStock('Writable.toWeb', async run => {
  const out = sink(run, { highWaterMark: 2 })
  const writer = stream.Writable.toWeb(out).getWriter()
  for (const text of ['a', 'bb', 'ccc']) {
    await writer.ready
    await writer.write(Buffer.from(text))
  }
  await writer.close()
  run.state('closed', out)
})

sameAsStock('ReadableStream.pipeTo', async run => {
  const out = sink(run, { highWaterMark: 1000 })
  const reader = stream.Readable.toWeb(fs.createReadStream(source(run)))
  await reader.pipeTo(stream.Writable.toWeb(out))
  await closed(out)
})

sameAsStock('compose', async run => {
  const out = run.create()
  const upper = new stream.Transform({
    transform (chunk, encoding, callback) {
      callback(null, String(chunk).toUpperCase())
    }
  })
  const composed = stream.compose(upper, out)
  composed.end('shout')
  await closed(out)
})

sameAsStock('a child process writes into it', async run => {
  const out = sink(run)
  spawn(process.execPath, ['-e', 'process.stdout.write("x".repeat(200000))']).stdout.pipe(out)
  await closed(out)
})

sameAsStock('piping out of it is an error', async run => {
  const out = run.create()
  await opened(out)
  run.call('pipe', () => out.pipe(new stream.PassThrough()))
  await closed(out)
})

'use strict'

// A stream has the properties of stock's: who copies, prints or compares it sees the same.

const fs = require('node:fs')
const { sameAsStock, closed, opened } = require('../helpers/same-as-stock.js')

const isEnumerable = (stream, key) => Object.prototype.propertyIsEnumerable.call(stream, key)

function logKeys (run, when, stream) {
  run.log(when, Object.keys(stream), Object.getOwnPropertyNames(stream))
  run.log(Object.getOwnPropertySymbols(stream).filter(symbol => isEnumerable(stream, symbol)).map(String).sort())
}

/** What anybody can see of the bytes. */
function counts (stream) {
  const { bytesWritten, pos, start } = stream
  return {
    bytesWritten,
    pos,
    start,
    isOwn: Object.hasOwn(stream, 'bytesWritten'),
    isEnumerable: isEnumerable(stream, 'bytesWritten'),
    spread: { ...stream }.bytesWritten,
    json: JSON.parse(JSON.stringify({ ...stream, _writableState: undefined, _events: undefined })).bytesWritten,
    descriptor: Object.getOwnPropertyDescriptor(stream, 'bytesWritten')
  }
}

const OPTIONS = {
  'no options': {},
  'options of all kinds': { flags: 'a', mode: 0o600, encoding: 'utf8', highWaterMark: 1000, autoClose: false },
  'a start': { flags: 'r+', start: 4 },
  'object mode': { objectMode: true }
}

for (const [name, options] of Object.entries(OPTIONS)) {
  sameAsStock(`keys: ${name}`, async run => {
    fs.writeFileSync(run.path, '0123456789')
    const stream = run.createWriteStream(run.path, options)
    logKeys(run, 'made', stream)
    await opened(stream)
    logKeys(run, 'open', stream)
    await new Promise(resolve => stream.write(Buffer.from('abc'), resolve))
    logKeys(run, 'written', stream)
    await new Promise(resolve => stream.end(resolve))
    stream.destroy()
    await closed(stream)
    logKeys(run, 'closed', stream)
  })

  sameAsStock(`bytesWritten and pos: ${name}`, async run => {
    fs.writeFileSync(run.path, '0123456789')
    const stream = run.createWriteStream(run.path, { highWaterMark: 100_000, ...options })
    const log = when => run.log(when, counts(stream))
    log('made')
    const first = new Promise(resolve => stream.write(Buffer.from('ab'), resolve))
    log('written to')
    await first
    log('first')
    await new Promise(resolve => stream.write(Buffer.from('cd'), resolve))
    log('second')
    stream.write(Buffer.alloc(20_000, 'e'), () => log('third'))
    log('under way')
    stream.write(Buffer.from('f'))
    stream.write(Buffer.from('g'), () => log('fourth'))
    await new Promise(resolve => stream.end(Buffer.from('h'), resolve))
    log('finished')
    stream.destroy()
    await closed(stream)
    log('closed')
  })
}

sameAsStock('a copy of all properties, and whether two streams are alike', async run => {
  const streams = ['a', 'b'].map(name => run.createWriteStream(`${run.path}${name}`))
  run.log(Object.keys(Object.assign({}, streams[0])), Object.entries(streams[1]).map(([key, value]) => [key, typeof value]))
  for (const stream of streams) stream.end()
  await Promise.all(streams.map(closed))
})

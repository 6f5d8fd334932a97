'use strict'

// What callbacks queue comes where it comes with stock: between those of two of Node's writes.

const { createWriteStream } = require('../..')
const { folderForEach } = require('../helpers/folder.js')
const { sameAsStock, closed, opened, turns } = require('../helpers/same-as-stock.js')

/** Logs a callback or an event, its ticks and its microtasks. */
function queue (run, name, stream) {
  run.log(name, stream.writableLength, stream.writableCorked)
  process.nextTick(() => {
    run.log(`${name}: tick`, stream.writableLength)
    process.nextTick(() => run.log(`${name}: tick of a tick`))
    Promise.resolve().then(() => run.log(`${name}: microtask of a tick`))
  })
  Promise.resolve().then(() => {
    run.log(`${name}: microtask`, stream.writableLength)
    process.nextTick(() => run.log(`${name}: tick of a microtask`))
  })
}

const EVENTS = ['open', 'ready', 'drain', 'prefinish', 'finish', 'close']

function watch (run, options) {
  const stream = run.createWriteStream(run.path, options)
  for (const event of EVENTS) stream.on(event, () => queue(run, event, stream))
  return stream
}

for (const highWaterMark of [2, 1000]) {
  sameAsStock(`writes after open, mark ${highWaterMark}`, async run => {
    const stream = watch(run, { highWaterMark })
    await opened(stream)
    for (const name of ['a', 'b', 'c']) stream.write(name, () => queue(run, name, stream))
    stream.end('d', () => queue(run, 'end', stream))
    await closed(stream)
  })

  sameAsStock(`writes before open, mark ${highWaterMark}`, async run => {
    const stream = watch(run, { highWaterMark })
    for (const name of ['a', 'b', 'c']) stream.write(name, () => queue(run, name, stream))
    stream.end('d', () => queue(run, 'end', stream))
    await closed(stream)
  })

  sameAsStock(`callbacks that write, mark ${highWaterMark}`, async run => {
    const stream = watch(run, { highWaterMark })
    await opened(stream)
    await new Promise(resolve => {
      stream.write('a', () => {
        queue(run, 'a', stream)
        stream.write('c', () => queue(run, 'c', stream))
        process.nextTick(() => stream.write('d', () => {
          queue(run, 'd', stream)
          setImmediate(resolve)
        }))
      })
      stream.write('b', () => queue(run, 'b', stream))
    })
    stream.end()
    await closed(stream)
  })

  for (const how of ['end()', 'end(chunk)', 'write() and end()']) {
    sameAsStock(`${how} in 'drain', mark ${highWaterMark}`, async run => {
      const stream = watch(run, { highWaterMark })
      await opened(stream)
      stream.once('drain', () => {
        if (how === 'write() and end()') stream.write('w', () => queue(run, 'w', stream))
        stream.end(...(how === 'end(chunk)' ? ['e'] : []), () => queue(run, 'end', stream))
      })
      stream.write('x'.repeat(highWaterMark), () => queue(run, 'x', stream))
      await closed(stream)
    })

    sameAsStock(`${how} in a callback, mark ${highWaterMark}`, async run => {
      const stream = watch(run, { highWaterMark })
      await opened(stream)
      stream.write('a', () => {
        queue(run, 'a', stream)
        if (how === 'write() and end()') stream.write('w', () => queue(run, 'w', stream))
        stream.end(...(how === 'end(chunk)' ? ['e'] : []), () => queue(run, 'end', stream))
      })
      await closed(stream)
    })
  }

  sameAsStock(`cork() in a callback, mark ${highWaterMark}`, async run => {
    const stream = watch(run, { highWaterMark })
    await opened(stream)
    stream.write('a', () => {
      queue(run, 'a', stream)
      stream.cork()
      stream.write('d', () => queue(run, 'd', stream))
    })
    stream.write('b', () => queue(run, 'b', stream))
    await new Promise(resolve => stream.write('c', resolve))
    await turns(5)
    run.log('held', run.content(), stream.writableLength)
    stream.uncork()
    stream.end()
    await closed(stream)
  })

  sameAsStock(`cork() in 'drain', mark ${highWaterMark}`, async run => {
    const stream = watch(run, { highWaterMark })
    await opened(stream)
    const drained = new Promise(resolve => stream.once('drain', resolve))
    stream.write('x'.repeat(highWaterMark), () => {
      stream.write('a', () => queue(run, 'a', stream))
    })
    stream.once('drain', () => stream.cork())
    await drained
    await turns(5)
    run.log('held', run.content(), stream.writableLength)
    stream.uncork()
    stream.end()
    await closed(stream)
  })

  sameAsStock(`cork() in the first callback of several before open, mark ${highWaterMark}`, async run => {
    const stream = watch(run, { highWaterMark })
    const all = new Promise(resolve => {
      stream.write('a', () => {
        stream.cork()
        stream.write('c', () => queue(run, 'c', stream))
      })
      stream.write('b', resolve)
    })
    await all
    await turns(5)
    run.log('held', run.content(), stream.writableLength)
    stream.uncork()
    stream.end()
    await closed(stream)
  })
}

describe('flushSync()', () => {
  const inFolder = folderForEach()

  test.each([0, 1, 2, 3])('leaves a stream corked %i times as it was', async count => {
    const stream = createWriteStream(inFolder('file'))
    await opened(stream)
    stream.write('a')
    for (let at = 0; at < count; at++) stream.cork()
    stream.write('b')
    stream.flushSync()
    expect(stream.writableCorked).toBe(count)
    stream.end()
    await closed(stream)
  })
})

'use strict'

// destroy(): drops what no write has begun, waits for the write in flight, closes.

const fs = require('node:fs')
const { finished } = require('node:stream')
const { createWriteStream } = require('../..')
const { Run, sameAsStock, closed, opened, turns } = require('../helpers/same-as-stock.js')

const MINE = () => Object.assign(new Error('mine'), { code: 'MINE' })

const DESTROYS = {
  'destroy()': stream => stream.destroy(),
  'destroy(error)': stream => stream.destroy(MINE()),
  'destroy(null, callback)': (stream, run) => stream.destroy(null, run.callback('destroy')),
  'destroy twice': stream => stream.destroy().destroy(MINE())
}

for (const [name, destroy] of Object.entries(DESTROYS)) {
  sameAsStock(`${name} at once`, async run => {
    const stream = run.create()
    destroy(stream, run)
    run.state('destroyed', stream)
    await closed(stream)
  })

  sameAsStock(`${name} of an idle stream`, async run => {
    const stream = run.create()
    await opened(stream)
    destroy(stream, run)
    await closed(stream)
  })

  sameAsStock(`${name} before open, with bytes waiting`, async run => {
    run.ignoreBytes()
    const stream = run.create()
    stream.write('a', run.callback('a', stream))
    stream.write('bb', run.callback('b', stream))
    destroy(stream, run)
    run.state('destroyed', stream)
    await closed(stream)
  })

  sameAsStock(`${name} in mid-write`, async run => {
    run.ignoreBytes()
    const stream = run.create()
    await opened(stream)
    stream.write('a', run.callback('a', stream))
    stream.write('bb', run.callback('b', stream))
    stream.write('ccc', run.callback('c', stream))
    destroy(stream, run)
    run.state('destroyed', stream)
    await closed(stream)
  })

  sameAsStock(`${name} after end`, async run => {
    run.ignoreBytes()
    const stream = run.create()
    await opened(stream)
    stream.write('a', run.callback('a', stream))
    stream.end('b', run.callback('end', stream))
    destroy(stream, run)
    await closed(stream)
  })

  sameAsStock(`${name} when open`, async run => {
    run.ignoreBytes()
    const stream = run.create()
    stream.write('before')
    stream.on('open', () => {
      stream.write('a', run.callback('a', stream))
      destroy(stream, run)
    })
    await closed(stream)
  })

  sameAsStock(`${name} without autoClose`, async run => {
    const stream = run.create({ autoClose: false })
    await opened(stream)
    destroy(stream, run)
    await closed(stream)
  })
}

sameAsStock('finished hears of it', async run => {
  run.ignoreBytes()
  const stream = run.create()
  stream.write('a')
  finished(stream, run.callback('finished'))
  stream.destroy()
  await closed(stream)
  await turns(1)
})

sameAsStock('an AbortSignal destroys', async run => {
  const controller = new AbortController()
  const stream = run.create({ signal: controller.signal })
  await opened(stream)
  controller.abort()
  await closed(stream)
})

sameAsStock('an AbortSignal destroys in mid-write', async run => {
  run.ignoreBytes()
  const controller = new AbortController()
  const stream = run.create({ signal: controller.signal })
  await opened(stream)
  stream.write('a', run.callback('a', stream))
  stream.write('b', run.callback('b', stream))
  controller.abort()
  await closed(stream)
})

sameAsStock('asyncDispose destroys', async run => {
  const stream = run.create()
  stream.write('a', run.callback('a'))
  run.ignoreBytes()
  run.log('disposed', await stream[Symbol.asyncDispose]())
})

// Stock can't promise this: it reports 0 bytes for a write that was in flight.
test('the file is a prefix of what was accepted, bytesWritten long, and stays so', async () => {
  for (let round = 0; round < 50; round++) {
    const run = new Run({ createWriteStream })
    await run.result(async () => {
      const stream = createWriteStream(run.path)
      const accepted = Buffer.alloc(3_000_000)
      for (let at = 0; at < accepted.length; at += 4) accepted.writeUInt32LE(at, at)
      for (let at = 0; at < accepted.length; at += 30_000) stream.write(accepted.subarray(at, at + 30_000))
      if (round % 2 === 0) await opened(stream)
      await turns(round % 5)
      stream.destroy()
      stream.on('error', () => {})
      await closed(stream)
      const content = fs.readFileSync(run.path)
      expect(content).toHaveLength(stream.bytesWritten)
      expect(content.equals(accepted.subarray(0, content.length))).toBe(true)
      await turns(5)
      expect(fs.statSync(run.path).size).toBe(stream.bytesWritten)
    })
  }
})

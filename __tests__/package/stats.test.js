'use strict'

// What a stream says of itself, and what is published on its channels.

const diagnosticsChannel = require('node:diagnostics_channel')
const { once } = require('node:events')
const { createWriteStream } = require('../..')
const { folderForEach } = require('../helpers/folder.js')

const inFolder = folderForEach()
let file
beforeEach(() => { file = inFolder('file') })

test('stats() counts bytes, chunks, falses, drains and calls', async () => {
  const out = createWriteStream(file, { highWaterMark: 1000 })
  expect(out.stats()).toEqual({
    acceptedBytes: 0,
    acceptedChunks: 0,
    writtenBytes: 0,
    writtenChunks: 0,
    fileBytes: 0,
    compressionRatio: 1,
    droppedBytes: 0,
    droppedChunks: 0,
    bufferedBytes: 0,
    peakBufferedBytes: 0,
    backpressureCount: 0,
    drains: 0,
    backpressureTime: 0,
    writeCalls: 0,
    bytesPerCall: 0,
    stalls: 0,
    lastError: null
  })
  for (let at = 0; at < 30; at++) {
    if (!out.write('x'.repeat(400))) await once(out, 'drain')
  }
  const stats = out.stats()
  expect(stats).toMatchObject({ acceptedBytes: 12_000, acceptedChunks: 30, writtenBytes: 12_000, writtenChunks: 30 })
  expect(stats).toMatchObject({ bufferedBytes: 0, peakBufferedBytes: 1200, backpressureCount: 10, drains: 10, lastError: null })
  expect(stats.backpressureTime).toBeGreaterThan(0)
  expect(stats.writeCalls).toBeGreaterThanOrEqual(10)
  expect(stats.bytesPerCall).toBe(12_000 / stats.writeCalls)
  expect(Object.values(stats).every(value => value === null || typeof value === 'number')).toBe(true)
  out.end('end')
  await once(out, 'close')
  expect(out.stats()).toMatchObject({ acceptedBytes: 12_003, writtenBytes: 12_003, writtenChunks: 31 })
})

test('stats() tells the error', async () => {
  const out = createWriteStream('/dev/full')
  out.write('x')
  await once(out, 'error')
  expect(out.stats()).toMatchObject({ acceptedBytes: 1, writtenBytes: 0, lastError: 'ENOSPC' })
})

test('open, drain, drop and close are published', async () => {
  const told = []
  const names = ['open', 'drain', 'stall', 'drop', 'close']
  const subscribers = names.map(name => {
    const subscriber = ({ stream, ...rest }) => told.push([name, stream, rest])
    diagnosticsChannel.subscribe(`spillway:${name}`, subscriber)
    return () => diagnosticsChannel.unsubscribe(`spillway:${name}`, subscriber)
  })
  const out = createWriteStream(file, { highWaterMark: 10, budget: 20, backpressure: 'drop-newest' })
  await once(out, 'open')
  const { fd } = out
  out.write('x'.repeat(15))
  out.write('x'.repeat(6))
  await once(out, 'drain')
  out.end()
  await once(out, 'close')
  for (const unsubscribe of subscribers) unsubscribe()
  expect(told.every(([, stream]) => stream === out)).toBe(true)
  expect(told.map(([name, , rest]) => [name, rest])).toEqual([
    ['open', { path: file, fd }],
    ['drop', { size: 6 }],
    ['drain', {}],
    ['close', { error: null }]
  ])
})

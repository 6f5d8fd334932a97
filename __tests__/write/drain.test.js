'use strict'

// 'drain': after a false, exactly once, when the level has fallen.

const { once } = require('node:events')
const { createWriteStream } = require('../..')
const { Run, sameAsStock, closed, opened, turns } = require('../helpers/same-as-stock.js')

sameAsStock('comes once after several falses', async run => {
  const stream = run.create({ highWaterMark: 2 })
  for (const name of ['a', 'b', 'c']) run.call(name, () => stream.write('xx'))
  run.state('full', stream)
  await once(stream, 'drain')
  run.state('drained', stream)
  await turns(3)
  stream.end()
  await closed(stream)
})

sameAsStock('does not come without a false', async run => {
  const stream = run.create({ highWaterMark: 100 })
  stream.write('x', run.callback('x', stream))
  stream.end()
  await closed(stream)
})

sameAsStock('does not come after end', async run => {
  const stream = run.create({ highWaterMark: 2 })
  run.call('write', () => stream.write('xxxx', run.callback('x', stream)))
  stream.end('yyyy')
  await closed(stream)
})

sameAsStock('does not come after destroy', async run => {
  run.ignoreBytes()
  const stream = run.create({ highWaterMark: 2 })
  run.call('write', () => stream.write('xxxx'))
  stream.destroy()
  run.state('destroyed', stream)
  await closed(stream)
})

sameAsStock('is never emitted inside write', async run => {
  const stream = run.create({ highWaterMark: 1 })
  await opened(stream)
  let isInside = false
  stream.on('drain', () => run.log('inside', isInside))
  for (let count = 0; count < 5; count++) {
    isInside = true
    stream.write('x')
    isInside = false
    await once(stream, 'drain')
  }
  stream.end()
  await closed(stream)
})

sameAsStock('comes before the callbacks of the writes that it is about', async run => {
  const stream = run.create({ highWaterMark: 2 })
  await opened(stream)
  for (const name of ['a', 'b', 'c', 'd']) stream.write('x', run.callback(name, stream))
  await once(stream, 'drain')
  stream.write('xx', run.callback('e', stream))
  stream.write('xx', run.callback('f', stream))
  await once(stream, 'drain')
  stream.end()
  await closed(stream)
})

// Our own option: stock waits for zero.
test('lowWaterMark lets it come earlier, still once', async () => {
  const run = new Run({ createWriteStream })
  await run.result(async () => {
    const stream = createWriteStream(run.path, { highWaterMark: 4096, lowWaterMark: 4095 })
    const levels = []
    stream.on('drain', () => levels.push(stream.writableLength))
    expect(stream.write(Buffer.alloc(4096))).toBe(false)
    await once(stream, 'drain')
    expect(stream.writableNeedDrain).toBe(false)
    await turns(3)
    expect(levels).toHaveLength(1)
    expect(levels[0]).toBeLessThanOrEqual(4095)
    stream.end()
    await closed(stream)
  })
})

test.each([-1, 1.5, NaN, '1', {}, 11])('a lowWaterMark of %p is refused', lowWaterMark => {
  expect(() => createWriteStream('/nowhere/file', { highWaterMark: 10, lowWaterMark }))
    .toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE', name: 'TypeError' }))
})

'use strict'

// cork() and uncork(): nothing is written in between.

const { sameAsStock, closed, opened, turns } = require('../helpers/same-as-stock.js')

for (const when of ['before open', 'after open']) {
  const start = async (run, options) => {
    const stream = run.create(options)
    if (when === 'after open') await opened(stream)
    return stream
  }

  sameAsStock(`holds everything back, ${when}`, async run => {
    const stream = await start(run, { highWaterMark: 4 })
    stream.cork()
    for (const name of ['a', 'bb', 'ccc']) run.call(name, () => stream.write(name, run.callback(name, stream)))
    run.state('corked', stream)
    await opened(stream)
    await turns(3)
    run.log('content', run.content())
    stream.uncork()
    run.state('uncorked', stream)
    stream.end(run.callback('end', stream))
    await closed(stream)
  })

  sameAsStock(`counts, ${when}`, async run => {
    const stream = await start(run)
    stream.cork()
    stream.cork()
    stream.write('a', run.callback('a', stream))
    stream.uncork()
    run.state('once', stream)
    stream.uncork()
    run.state('twice', stream)
    stream.uncork()
    run.state('once too often', stream)
    stream.end()
    await closed(stream)
  })

  sameAsStock(`end uncorks, ${when}`, async run => {
    const stream = await start(run)
    stream.cork()
    stream.write('a', run.callback('a', stream))
    stream.end('b', run.callback('end', stream))
    run.state('ended', stream)
    await closed(stream)
  })

  sameAsStock(`keeps the order with what is written before and behind, ${when}`, async run => {
    const stream = await start(run, { highWaterMark: 3 })
    run.call('1', () => stream.write('1', run.callback('1')))
    stream.cork()
    run.call('2', () => stream.write('2', run.callback('2')))
    run.call('3', () => stream.write(Buffer.from('3'), run.callback('3')))
    stream.uncork()
    run.call('4', () => stream.write('4', run.callback('4')))
    run.call('5', () => stream.write('5', run.callback('5')))
    stream.end(run.callback('end'))
    await closed(stream)
  })

  sameAsStock(`uncork in the next tick, ${when}`, async run => {
    const stream = await start(run)
    stream.cork()
    stream.write('a', run.callback('a'))
    process.nextTick(() => stream.uncork())
    await new Promise(resolve => stream.write('b', resolve))
    stream.end()
    await closed(stream)
  })
}

sameAsStock('destroy drops what is corked', async run => {
  const stream = run.create()
  await opened(stream)
  stream.cork()
  stream.write('a', run.callback('a', stream))
  stream.destroy()
  await closed(stream)
})

sameAsStock('a corked empty write keeps its place', async run => {
  const stream = run.create()
  await opened(stream)
  stream.cork()
  stream.write('', run.callback('empty'))
  stream.uncork()
  stream.write('x', run.callback('x'))
  stream.end()
  await closed(stream)
})

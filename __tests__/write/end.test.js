'use strict'

// end(), close(), finish: everything is written, then the file is closed.

const { finished } = require('node:stream')
const { sameAsStock, closed, opened } = require('../helpers/same-as-stock.js')

const ENDS = {
  'end()': (stream) => stream.end(),
  'end(callback)': (stream, run) => stream.end(run.callback('end', stream)),
  'end(chunk)': (stream) => stream.end('last'),
  'end(chunk, callback)': (stream, run) => stream.end('last', run.callback('end', stream)),
  'end(chunk, encoding, callback)': (stream, run) => stream.end('6c617374', 'hex', run.callback('end', stream)),
  'end(null)': (stream) => stream.end(null),
  'end(empty chunk)': (stream, run) => stream.end('', run.callback('end', stream)),
  'close()': (stream) => stream.close(),
  'close(callback)': (stream, run) => stream.close(run.callback('close', stream)),
  'destroySoon()': (stream) => stream.destroySoon(),
  'end() twice': (stream, run) => {
    stream.end('a', run.callback('first', stream))
    stream.end(run.callback('second', stream))
  },
  'end(chunk) twice': (stream, run) => {
    // The second is an error, which destroys in mid-write.
    run.ignoreBytes()
    stream.end('a', run.callback('first', stream))
    stream.end('b', run.callback('second', stream))
  }
}

for (const [name, end] of Object.entries(ENDS)) {
  sameAsStock(`${name} at once`, async run => {
    const stream = run.create()
    end(stream, run)
    await closed(stream)
  })

  sameAsStock(`${name} with bytes waiting to be written`, async run => {
    const stream = run.create({ highWaterMark: 3 })
    stream.write('abc', run.callback('a', stream))
    stream.write('def', run.callback('d', stream))
    end(stream, run)
    run.state('ended', stream)
    await closed(stream)
  })

  sameAsStock(`${name} after open, with bytes waiting`, async run => {
    const stream = run.create({ highWaterMark: 3 })
    await opened(stream)
    stream.write('abc', run.callback('a', stream))
    stream.write('def', run.callback('d', stream))
    end(stream, run)
    await closed(stream)
  })

  sameAsStock(`${name} of a drained stream`, async run => {
    const stream = run.create({ highWaterMark: 3 })
    await new Promise(resolve => stream.write('abcdef', resolve))
    end(stream, run)
    await closed(stream)
  })

  sameAsStock(`${name} without autoClose`, async run => {
    const stream = run.create({ autoClose: false })
    stream.write('abc', run.callback('a', stream))
    const isFinished = new Promise(resolve => finished(stream, resolve))
    end(stream, run)
    run.log('finished', (await isFinished)?.code)
    stream.destroy()
    await closed(stream)
  })
}

sameAsStock('end(chunk) of a bad type throws and does not end', async run => {
  const stream = run.create()
  run.call('number', () => stream.end(7))
  run.state('not ended', stream)
  stream.end('fine')
  await closed(stream)
})

sameAsStock('end after finish tells its callback', async run => {
  const stream = run.create()
  stream.end('a')
  await closed(stream)
  await new Promise(resolve => stream.end(error => {
    run.callback('late', stream)(error)
    resolve()
  }))
})

sameAsStock('close of a closed stream tells its callback', async run => {
  const stream = run.create()
  stream.end('a')
  await closed(stream)
  await new Promise(resolve => stream.close(resolve))
})

sameAsStock('emitClose: false', async run => {
  const stream = run.create({ emitClose: false })
  stream.end('a')
  await new Promise(resolve => finished(stream, resolve))
  run.state('finished', stream)
})

sameAsStock('flush syncs before it closes', async run => {
  const stream = run.create({ flush: true })
  stream.write('a')
  stream.end('b')
  await closed(stream)
})

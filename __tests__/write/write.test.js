'use strict'

// write(): its answer, what it takes, what becomes of it.

const { sameAsStock, closed, opened } = require('../helpers/same-as-stock.js')

const CHUNKS = {
  string: 'a string, ünïcödé, 漢字, 🌊',
  'lone surrogates': 'x\ud800y\udc00z',
  'empty string': '',
  Buffer: Buffer.from([0, 1, 2, 253, 254, 255]),
  'empty Buffer': Buffer.alloc(0),
  Uint8Array: new Uint8Array([1, 2, 3]),
  'part of an ArrayBuffer': new Uint8Array(new ArrayBuffer(16), 4, 8).fill(7),
  'shared memory': Buffer.from(new SharedArrayBuffer(8)).fill(9),
  Int16Array: new Int16Array([1, 2, 3]),
  Float64Array: new Float64Array([0.5]),
  DataView: new DataView(new ArrayBuffer(5))
}

for (const [name, chunk] of Object.entries(CHUNKS)) {
  sameAsStock(`takes ${name}`, async run => {
    const stream = run.create()
    await new Promise(resolve => {
      const callback = run.callback('before open', stream)
      run.call('before open', () => stream.write(chunk, error => resolve(callback(error))))
    })
    run.call('after open', () => stream.write(chunk, run.callback('after open', stream)))
    run.call('behind it', () => stream.write(chunk))
    stream.end(run.callback('end', stream))
    await closed(stream)
  })
}

for (const size of [0, 1, 9, 10, 11, 30]) {
  for (const mark of [0, 1, 10]) {
    sameAsStock(`${size} bytes at a mark of ${mark}`, async run => {
      const stream = run.create({ highWaterMark: mark })
      for (const when of ['first', 'second', 'third']) {
        run.call(when, () => stream.write('x'.repeat(size), run.callback(when, stream)))
        run.state(when, stream)
      }
      stream.end()
      await closed(stream)
    })
  }
}

sameAsStock('a single chunk at the mark is answered false, after open as well', async run => {
  const stream = run.create({ highWaterMark: 10 })
  await opened(stream)
  run.call('below', () => stream.write('123456789', run.callback('below')))
  run.call('at', () => stream.write('0', run.callback('at')))
  run.call('above', () => stream.write('x', run.callback('above')))
  stream.end()
  await closed(stream)
})

sameAsStock('what cannot be written throws, and the stream goes on', async run => {
  const stream = run.create()
  for (const chunk of [null, undefined, 1, true, {}, [], Symbol('s'), () => {}, 1n]) {
    run.call(typeof chunk, () => stream.write(chunk, run.callback(typeof chunk)))
  }
  run.call('fine', () => stream.write('fine'))
  stream.end()
  await closed(stream)
})

sameAsStock('an unknown encoding throws, for a string and for a Buffer', async run => {
  const stream = run.create()
  run.call('string', () => stream.write('x', 'klingon'))
  run.call('Buffer', () => stream.write(Buffer.from('x'), 'klingon'))
  run.call('buffer', () => stream.write('x', 'buffer'))
  run.call('Buffer as buffer', () => stream.write(Buffer.from('x'), 'buffer'))
  run.call('number', () => stream.write('x', 7))
  stream.end()
  await closed(stream)
})

sameAsStock('encoding and callback may be left out, or be null', async run => {
  const stream = run.create()
  stream.write('a', null, run.callback('a'))
  stream.write('b', undefined, run.callback('b'))
  stream.write('c', run.callback('c'))
  stream.write('d', '', run.callback('d'))
  stream.write('e', 'utf8', null)
  stream.write('f', 'utf8', 'not a function')
  stream.end()
  await closed(stream)
})

sameAsStock('write after end is an error, told to its callback and to the stream', async run => {
  run.ignoreBytes()
  const stream = run.create()
  stream.write('a', run.callback('a'))
  stream.end('b', run.callback('end'))
  run.call('late', () => stream.write('c', run.callback('late')))
  await closed(stream)
})

sameAsStock('write after finish is an error', async run => {
  const stream = run.create({ autoClose: false })
  stream.end('a')
  await new Promise(resolve => stream.once('finish', resolve))
  run.call('late', () => stream.write('c', run.callback('late')))
  stream.destroy()
  await closed(stream)
})

sameAsStock('write after destroy is an error for its callback alone', async run => {
  const stream = run.create()
  await opened(stream)
  stream.destroy()
  run.call('late', () => stream.write('c', run.callback('late')))
  await closed(stream)
  run.call('closed', () => stream.write('c', run.callback('closed')))
})

sameAsStock('a listener that writes at drain goes on for as long as it likes', async run => {
  const stream = run.create({ highWaterMark: 4 })
  let count = 0
  const go = () => {
    while (count < 20 && stream.write(`line ${count++}\n`, run.callback(count, stream)));
    if (count === 20) stream.end()
    else stream.once('drain', go)
  }
  go()
  await closed(stream)
})

sameAsStock('a callback may write', async run => {
  const stream = run.create({ highWaterMark: 4 })
  await opened(stream)
  stream.write('a', () => {
    run.state('in a', stream)
    stream.write('c', run.callback('c', stream))
    stream.write('d', run.callback('d', stream))
    stream.end(run.callback('end', stream))
  })
  stream.write('b', run.callback('b', stream))
  await closed(stream)
})

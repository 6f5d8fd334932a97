'use strict'

// Strings in every encoding, as arguments, as options, as default.

const { createWriteStream } = require('../..')
const { Run, sameAsStock, closed, opened } = require('../helpers/same-as-stock.js')

const ENCODINGS = ['utf8', 'utf-8', 'UTF8', 'ucs2', 'ucs-2', 'utf16le', 'utf-16le', 'latin1', 'binary', 'ascii', 'hex', 'HEX', 'base64', 'base64url']
const STRINGS = ['', 'plain', 'zażółć gęślą jaźń', '漢字かな交じり', '🌊🌊', 'x\ud83cy', '00ff7f', '0', 'abcxyz', 'aGVsbG8=', 'aGVs bG8', 'a-_b', 'a'.repeat(5000), 'é'.repeat(25_000), '漢'.repeat(70_000)]

for (const encoding of ENCODINGS) {
  sameAsStock(`${encoding} as an argument`, async run => {
    const stream = run.create()
    for (const string of STRINGS) stream.write(string, encoding, run.callback(string.length, stream))
    stream.end()
    await closed(stream)
  })

  sameAsStock(`${encoding} as the default`, async run => {
    const stream = run.create()
    run.call('set', () => stream.setDefaultEncoding(encoding) === stream)
    for (const string of STRINGS) stream.write(string)
    stream.end('656e64')
    await closed(stream)
  })

  sameAsStock(`${encoding} as an option`, async run => {
    const stream = run.create({ encoding })
    for (const string of STRINGS) stream.write(string)
    stream.end('656e64')
    await closed(stream)
  })

  sameAsStock(`${encoding} instead of the options`, async run => {
    const stream = run.create(encoding)
    stream.write('656e64')
    stream.end()
    await closed(stream)
  })

  sameAsStock(`${encoding}, corked`, async run => {
    const stream = run.create()
    await opened(stream)
    stream.cork()
    for (const string of STRINGS) stream.write(string, encoding)
    stream.uncork()
    stream.end()
    await closed(stream)
  })
}

sameAsStock('an unknown encoding is refused as a default', async run => {
  const stream = run.create()
  run.call('unknown', () => stream.setDefaultEncoding('klingon'))
  run.call('number', () => stream.setDefaultEncoding(5))
  stream.end()
  await closed(stream)
})

test('strings of every length around the edges of a slab come out whole', async () => {
  const run = new Run({ createWriteStream })
  await run.result(async () => {
    const stream = createWriteStream(run.path, { highWaterMark: 1 << 26 })
    const parts = []
    for (let length = 0; length < 1200; length++) {
      // One, two, three and four bytes a character; slabs end in all places.
      for (const character of ['a', 'é', '漢', '🌊']) parts.push(character.repeat(length))
    }
    parts.push('é'.repeat(10_000), '漢'.repeat(21_000), '漢'.repeat(22_000), 'a'.repeat(65_536), 'a'.repeat(65_537))
    for (const part of parts) stream.write(part)
    stream.end()
    await closed(stream)
    expect(Buffer.from(run.content(), 'latin1').equals(Buffer.from(parts.join('')))).toBe(true)
  })
})

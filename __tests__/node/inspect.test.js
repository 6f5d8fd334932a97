'use strict'

// What who logs a stream gets to see: not the bytes of others, and nothing that stock's has not.

const fs = require('node:fs')
const { once } = require('node:events')
const { inspect } = require('node:util')
const spillway = require('../..')
const { folderForEach } = require('../helpers/folder.js')
const { turns } = require('../helpers/same-as-stock.js')

const inFolder = folderForEach()

const SECRET = 'passw0rd'
const FORMS = ['latin1', 'hex', 'base64'].map(encoding => Buffer.from(SECRET).toString(encoding).replace(/=+$/, ''))

/** Whether the secret is in `text`, as it is or as inspect() shows bytes. */
function tells (text) {
  const packed = text.replaceAll(/\s/g, '')
  return FORMS.some(form => packed.includes(form))
}

test('the test would see it', () => {
  expect([{ a: [SECRET] }, Buffer.from(SECRET), new Uint8Array(Buffer.from(SECRET)).buffer].map(value => tells(inspect(value)))).toEqual([true, true, true])
})

describe.each([['stock', fs], ['spillway', spillway]])('%s', (which, { createWriteStream }) => {
  /** Streams that are through with the secret, in all ways. */
  async function writeSecrets () {
    const outs = [0, 1, 2, 3].map(number => createWriteStream(inFolder(`secret${number}`)))
    for (const out of outs) out.on('error', () => {})
    await Promise.all(outs.map(out => once(out, 'ready')))
    outs[0].write(SECRET.repeat(100))
    outs[1].write(Buffer.from(SECRET.repeat(100)))
    outs[2].write(Buffer.alloc(20_000, SECRET))
    outs[3].cork()
    outs[3].write(SECRET)
    for (const out of outs.slice(0, 3)) out.end()
    outs[3].destroy()
    await Promise.all(outs.map(out => out.closed || once(out, 'close')))
    // Ours gives its memory to others now.
    await turns(3)
  }

  const LOOKS = {
    'inspect()': out => inspect(out),
    'inspect() in depth': out => inspect(out, { depth: Infinity, maxArrayLength: Infinity, maxStringLength: Infinity }),
    'inspect() of what holds it': out => inspect({ deep: [out] }, { depth: 5, maxArrayLength: Infinity }),
    'inspect() with getters': out => inspect(out, { depth: 5, getters: true, maxArrayLength: Infinity })
  }

  test.each(Object.keys(LOOKS))('%s shows no bytes of closed streams', async look => {
    await writeSecrets()
    const outs = ['small', 'big', 'new'].map(name => createWriteStream(inFolder(name)))
    outs[0].write('x')
    outs[1].write(Buffer.alloc(20_000, 'x'))
    const told = []
    const tellAll = () => told.push(...outs.map(out => tells(LOOKS[look](out))))
    tellAll()
    await Promise.all(outs.map(out => once(out, 'ready')))
    outs[0].write('y')
    tellAll()
    for (const out of outs) out.end()
    await Promise.all(outs.map(out => once(out, 'close')))
    tellAll()
    expect(told).toEqual(Array(9).fill(false))
  })
})

/** The symbols that whoever copies or compares a stream gets to see. */
function symbols (stream) {
  return Object.getOwnPropertySymbols(stream).filter(symbol => Object.prototype.propertyIsEnumerable.call(stream, symbol)).map(String).sort()
}

test('no symbol is enumerable that is not with stock', async () => {
  const outs = [fs, spillway].map(({ createWriteStream }, number) => createWriteStream(inFolder(`${number}`)))
  const seen = []
  const see = () => seen.push(outs.map(symbols))
  see()
  await Promise.all(outs.map(out => once(out, 'ready')))
  for (const out of outs) out.write('text')
  see()
  for (const out of outs) out.end()
  await Promise.all(outs.map(out => once(out, 'close')))
  see()
  for (const [stock, ours] of seen) expect(ours).toEqual(stock)
})

test('nothing of how ours works is shown', async () => {
  const out = spillway.createWriteStream(inFolder('file'))
  out.write('text')
  const text = inspect(out, { depth: 5 })
  out.end()
  await once(out, 'close')
  expect(text).not.toMatch(/spillway\.|Carrier|Sink|Int32Array|Slab/)
})

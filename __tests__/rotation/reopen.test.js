'use strict'

// reopen(): what was accepted before goes to the old file, what comes after to the new one.

const { once } = require('node:events')
const fs = require('node:fs')
const { pathToFileURL } = require('node:url')
const { Worker } = require('node:worker_threads')
const { createWriteStream } = require('../..')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')

const at = folderForEach()
const read = name => fs.readFileSync(at(name), 'latin1')

async function end (out) {
  out.end()
  await once(out, 'close')
}

test('the bytes are cut where reopen() was called, however many are under way', async () => {
  const out = createWriteStream(at('log'), { flags: 'a' })
  const line = number => `line ${number}\n`
  let reopened = 0
  out.on('reopen', () => reopened++)
  for (let number = 0; number < 5000; number++) {
    if (number % 1000 === 999) {
      expect(out.reopen(at(`log${number}`))).toBe(undefined)
    }
    out.write(number % 7 === 0 ? Buffer.from(line(number)) : line(number))
  }
  await end(out)
  const lines = (from, to) => Array.from({ length: to - from }, (_, index) => line(from + index)).join('')
  expect(read('log')).toBe(lines(0, 999))
  for (const from of [999, 1999, 2999, 3999]) expect(read(`log${from}`)).toBe(lines(from, from + 1000))
  expect(read('log4999')).toBe(line(4999))
  expect(reopened).toBe(5)
  expect(out.bytesWritten).toBe(lines(0, 5000).length)
})

test('without a path it is the same one, which somebody has moved; nothing is emptied, and the descriptor keeps its number', async () => {
  const out = createWriteStream(at('log'))
  out.write('one ')
  await once(out, 'open')
  const { fd } = out
  out.reopen()
  await once(out, 'reopen')
  out.write('two ')
  fs.renameSync(at('log'), at('old'))
  out.write('three')
  out.reopen()
  out.write('four')
  await once(out, 'reopen')
  expect(out.fd).toBe(fd)
  expect(fs.fstatSync(fd).ino).toBe(fs.statSync(at('log')).ino)
  await end(out)
  expect([read('old'), read('log')]).toEqual(['one two three', 'four'])
})

test('the path is known from the event on', async () => {
  const out = createWriteStream(at('one'))
  out.reopen(pathToFileURL(at('two')))
  expect(out.path).toBe(at('one'))
  await once(out, 'reopen')
  expect(out.path).toBe(at('two'))
  out.reopen(Buffer.from(at('three')))
  await once(out, 'reopen')
  expect(out.path).toEqual(Buffer.from(at('three')))
  await end(out)
})

test('a compressed file is whole, and so is the next one', async () => {
  const { gunzipSync } = require('node:zlib')
  const out = createWriteStream(at('one'), { compress: 'gzip' })
  out.write('before')
  out.reopen(at('two'))
  out.write('after')
  await end(out)
  expect(['one', 'two'].map(name => gunzipSync(fs.readFileSync(at(name))).toString())).toEqual(['before', 'after'])
})

test('a file that can\'t be opened is the error of the stream, and what was written before is down', async () => {
  const out = createWriteStream(at('log'))
  out.write('before')
  out.reopen(at('missing/log'))
  out.write('after')
  const [error] = await once(out, 'error')
  expect(error).toMatchObject({ code: 'ENOENT', syscall: 'open' })
  expect(read('log')).toBe('before')
})

test('with retry it is waited for', async () => {
  const out = createWriteStream(at('log'), { retry: { codes: ['ENOENT'], interval: 10 } })
  out.write('before')
  out.reopen(at('folder/log'))
  out.write('after')
  const [error] = await once(out, 'stall')
  expect(error).toMatchObject({ code: 'ENOENT', syscall: 'open' })
  fs.mkdirSync(at('folder'))
  await once(out, 'unstall')
  await end(out)
  expect([read('log'), read('folder/log')]).toEqual(['before', 'after'])
})

test('missing folders are made with mkdir', async () => {
  const out = createWriteStream(at('log'), { mkdir: true })
  out.reopen(at('a/b/log'))
  out.write('x')
  await end(out)
  expect(read('a/b/log')).toBe('x')
})

test('in a worker', async () => {
  const worker = new Worker(`
    const { workerData: { module, one, two } } = require('node:worker_threads')
    const out = require(module).createWriteStream(one)
    out.write('before')
    out.reopen(two)
    out.write('after')
    out.end()`, { eval: true, workerData: { module: require.resolve('../..'), one: at('one'), two: at('two') } })
  expect(await once(worker, 'exit')).toEqual([0])
  expect([read('one'), read('two')]).toEqual(['before', 'after'])
})

test('what a process that exits has accepted is in the right file', async () => {
  const { content } = await runScript('spillway', `
    const out = createWriteStream(file)
    out.write('before')
    out.reopen(given.other)
    out.write('after')
    process.exit()`, { values: { other: at('other') } })
  expect([content.toString(), read('other')]).toEqual(['before', 'after'])
})

describe('it throws', () => {
  const thrown = (out, path, error) => expect(() => out.reopen(path)).toThrow(expect.objectContaining(error))

  test.each([5, {}, true])('for what is no path: %p', async path => {
    const out = createWriteStream(at('log'))
    thrown(out, path, { code: 'ERR_INVALID_ARG_TYPE' })
    await end(out)
  })

  test('after end() and destroy(), without a path, and for a file that is replaced', async () => {
    const out = createWriteStream(at('log'))
    out.end()
    thrown(out, undefined, { code: 'ERR_STREAM_WRITE_AFTER_END' })
    await once(out, 'close')
    thrown(out, undefined, { code: 'ERR_STREAM_DESTROYED' })
    const given = createWriteStream('', { fd: fs.openSync(at('given'), 'w') })
    thrown(given, undefined, { code: 'ERR_INVALID_STATE' })
    await end(given)
    const atomic = createWriteStream(at('atomic'), { atomic: true })
    thrown(atomic, at('other'), { code: 'ERR_INVALID_STATE' })
    await end(atomic)
  })
})

'use strict'

// flushSync(): all that was accepted is in the file when it returns, or it throws.

const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { finished } = require('node:stream/promises')
const { createWriteStream } = require('../..')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')
const { stuckPipe } = require('../helpers/targets.js')

const inFolder = folderForEach()
let file
beforeEach(() => { file = inFolder('file') })

const read = () => fs.readFileSync(file, 'latin1')

test('before the file is open, and at any time after', async () => {
  const out = createWriteStream(file)
  let expected = ''
  const put = text => {
    out.write(text)
    expected += text
  }
  put('a')
  out.flushSync()
  expect(read()).toBe(expected)
  put('b'.repeat(100_000))
  put('c')
  out.flushSync()
  expect(read()).toBe(expected)
  expect([out.bytesWritten, out.writableLength]).toEqual([expected.length, 0])
  await once(out, 'open')
  for (let at = 0; at < 1000; at++) {
    put(`${at}\n`)
    if (at % 10 === 0) {
      out.flushSync()
      expect(fs.statSync(file).size).toBe(expected.length)
    }
  }
  out.end()
  out.flushSync()
  await finished(out)
  out.flushSync()
  expect(read()).toBe(expected)
})

test('of a file that can\'t be opened it tells the error of the open', () => {
  const missing = path.join(file, 'missing')
  const out = createWriteStream(missing).on('error', () => {})
  out.write('a')
  expect(() => out.flushSync()).toThrow(expect.objectContaining({ code: 'ENOENT', syscall: 'open', path: missing }))
})

test('what was written before it counts, too', async () => {
  const out = createWriteStream(file)
  await once(out, 'open')
  out.write('x')
  while (fs.statSync(file).size === 0);
  out.flushSync()
  expect([out.bytesWritten, out.writableLength]).toEqual([1, 0])
  out.end()
  await finished(out)
})

test('drain, callbacks and finish come after it, in their order', async () => {
  const out = createWriteStream(file, { highWaterMark: 10 })
  await once(out, 'open')
  const events = []
  for (const name of ['drain', 'finish', 'close']) out.on(name, () => events.push(name))
  out.write('0123456789', () => events.push('first'))
  out.write('x', () => events.push('second'))
  out.flushSync()
  expect(events).toEqual([])
  await new Promise(resolve => out.write('y', resolve))
  out.end()
  await once(out, 'close')
  expect(events).toEqual(['first', 'drain', 'second', 'finish', 'close'].sort((a, b) => events.indexOf(a) - events.indexOf(b)))
  expect(events.slice(-2)).toEqual(['finish', 'close'])
  expect(read()).toBe('0123456789xy')
})

test('corked chunks are written, and the stream stays corked', async () => {
  const out = createWriteStream(file)
  await once(out, 'open')
  out.cork()
  out.cork()
  out.write('a')
  out.flushSync()
  expect([read(), out.writableCorked]).toEqual(['a', 2])
  out.uncork()
  out.uncork()
  out.end('b')
  await finished(out)
  expect(read()).toBe('ab')
})

test('chunks that are corked before the file is open are written, too', async () => {
  const out = createWriteStream(file)
  out.cork()
  out.write('a')
  out.flushSync()
  expect([read(), out.writableCorked]).toEqual(['a', 1])
  out.end()
  await finished(out)
  expect(read()).toBe('a')
})

test('the error of the write is thrown, and told as ever', async () => {
  const out = createWriteStream('/dev/full')
  const failed = new Promise(resolve => out.once('error', resolve))
  out.write('x')
  expect(() => out.flushSync()).toThrow(expect.objectContaining({ code: 'ENOSPC', errno: -28, syscall: 'write' }))
  expect(await failed).toMatchObject({ code: 'ENOSPC' })
  expect(() => out.flushSync()).toThrow(expect.objectContaining({ code: 'ENOSPC' }))
})

test('a pipe that nobody reads: ETIMEDOUT, and nothing is lost', async () => {
  const pipe = stuckPipe(inFolder())
  const out = createWriteStream(pipe.path, { blockTimeout: 20 })
  await once(out, 'open')
  const bytes = Buffer.alloc(300_000, 'pipe ')
  out.write(bytes)
  expect(() => out.flushSync()).toThrow(expect.objectContaining({ code: 'ETIMEDOUT', syscall: 'write' }))
  out.end()
  expect((await pipe.read()).equals(bytes)).toBe(true)
  await finished(out)
  pipe.close()
})

test('a file that can\'t be opened: it throws, and the error is told as ever', async () => {
  const out = createWriteStream(inFolder(path.join('missing', 'file')))
  const failed = new Promise(resolve => out.once('error', resolve))
  out.write('x')
  expect(() => out.flushSync()).toThrow()
  expect(await failed).toMatchObject({ code: 'ENOENT', syscall: 'open' })
})

test('what destroy() has dropped is not written', async () => {
  const pipe = stuckPipe(inFolder())
  const out = createWriteStream(pipe.path)
  await once(out, 'open')
  out.write(Buffer.alloc(300_000))
  const closed = new Promise(resolve => out.once('close', resolve))
  // Stock, too, tells a destroy() in mid-write by an error.
  out.on('error', () => {})
  out.destroy()
  expect(() => out.flushSync()).toThrow(expect.objectContaining({ code: 'ERR_STREAM_DESTROYED' }))
  await closed
  pipe.close()
})

test('in a listener for exit, before ours and behind it, and right before a SIGKILL', async () => {
  const { code, content } = await runScript('spillway', `
    process.on('exit', () => { out.write('b'); out.flushSync() })
    const out = createWriteStream(file)
    process.on('exit', () => { out.write('c'); out.flushSync(); process.kill(process.pid, 'SIGKILL') })
    out.write('a')
    process.exit(0)`)
  expect([code, String(content)]).toEqual(['SIGKILL', 'abc'])
})

test('it does not hold up the write job: what comes later is written as ever', async () => {
  const out = createWriteStream(file)
  let expected = ''
  for (let at = 0; at < 300; at++) {
    const text = `${at} `.repeat(1 + at % 7 * 1000)
    expected += text
    out.write(text)
    // Now and then in the middle of a write.
    if (at % 3 === 0) await new Promise(setImmediate)
    if (at % 2 === 0) out.flushSync()
  }
  await new Promise(resolve => out.write('end', resolve))
  expect(read()).toBe(expected + 'end')
  out.end()
  await finished(out)
})

'use strict'

// A FIFO that nobody has opened for reading yet. Stock waits for the reader in
// a thread of libuv's pool, which the end of the process waits for.

const { execFileSync, spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const { createWriteStream } = require('../..')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')

const inFolder = folderForEach()

function fifo (name = 'fifo') {
  const file = inFolder(name)
  execFileSync('mkfifo', [file])
  return file
}

test('all bytes are there when a reader comes, in the order of events of any file', async () => {
  const file = fifo()
  const out = createWriteStream(file)
  const events = []
  for (const name of ['open', 'ready', 'finish', 'close']) out.on(name, () => events.push(name))
  out.write('a', () => events.push('a'))
  out.end('b'.repeat(200_000))
  // It has found nobody, more than once.
  for (let turns = 0; turns < 20; turns++) await new Promise(resolve => setTimeout(resolve, 1))
  expect(events).toEqual([])
  const reader = spawn('cat', [file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const parts = []
  reader.stdout.on('data', part => parts.push(part))
  await Promise.all([once(out, 'close'), once(reader, 'close')])
  expect(Buffer.concat(parts).toString()).toBe('a' + 'b'.repeat(200_000))
  expect(events).toEqual(['open', 'ready', 'a', 'finish', 'close'])
})

test('destroy() does not wait for a reader', async () => {
  const out = createWriteStream(fifo())
  const told = new Promise(resolve => out.write('x', resolve))
  await new Promise(resolve => setTimeout(resolve, 5))
  out.destroy()
  await once(out, 'close')
  expect((await told).code).toBe('ERR_STREAM_DESTROYED')
  expect([out.fd, out.bytesWritten]).toEqual([null, 0])
})

test('nor does destroy() right after it was made', async () => {
  const out = createWriteStream(fifo())
  out.destroy(new Error('enough'))
  const [error] = await once(out, 'error')
  expect(error.message).toBe('enough')
})

test('the end of the process waits for a reader no longer than exitTimeout', async () => {
  const { code, stderr } = await runScript('spillway', `
    require('node:child_process').execFileSync('mkfifo', [file + '.fifo'])
    createWriteStream(file + '.fifo', { exitTimeout: 20 }).write('five!')
    setImmediate(() => process.exit(0))`)
  expect(code).toBe(0)
  expect(stderr).toMatch(/SpillwayWarning: 5 bytes could not be written to .*\.fifo before the process ended/)
})

test('100 of them hold no thread: other files are opened and written', async () => {
  const stuck = Array.from({ length: 100 }, (_, at) => createWriteStream(fifo(`fifo-${at}`)))
  for (const out of stuck) out.write('x')
  const file = inFolder('file')
  const out = createWriteStream(file)
  out.end('through')
  await once(out, 'close')
  expect(await fs.promises.readFile(file, 'utf8')).toBe('through')
  const closed = stuck.map(out => once(out, 'close'))
  for (const out of stuck) out.destroy()
  await Promise.all(closed)
})

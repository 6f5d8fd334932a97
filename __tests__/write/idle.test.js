'use strict'

// A stream with nothing under way leaves the list of those that are polled. What
// Rust says to it just then is not heard, and must not be waited for.

const { execFileSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const { setTimeout: sleep, setImmediate: turn } = require('node:timers/promises')
const { createWriteStream } = require('../..')
const { folderForEach } = require('../helpers/folder.js')

const { O_RDONLY, O_NONBLOCK } = fs.constants

const inFolder = folderForEach()

// In one process of two its call comes first all the same.
test.each([1, 2, 3, 4])('a stream that became idle before it heard of its last write is told of the next one, try %i', async () => {
  const file = inFolder('fifo')
  execFileSync('mkfifo', [file])
  const reader = fs.openSync(file, O_RDONLY | O_NONBLOCK)
  const read = () => fs.readSync(reader, Buffer.alloc(1024 * 1024))
  const out = createWriteStream(file, { highWaterMark: 16 * 1024, lowWaterMark: 8 * 1024 })
  const other = createWriteStream(inFolder('other'))
  await Promise.all([once(out, 'open'), once(other, 'open')])
  // All looks that are due have been taken.
  await sleep(20)
  // More than the pipe holds, and the rest is below the low-water mark: 'drain' comes while the write is under way.
  out.write(Buffer.alloc(70_000))
  out.write('z')
  other.write('x')
  await once(out, 'drain')
  await turn()
  expect(out.writableLength).toBeGreaterThan(0)
  // Rust writes the rest in this run. Two looks, at the two chunks, are due before its call is heard.
  other.write('y')
  read()
  const end = performance.now() + 40
  while (performance.now() < end);
  while (out.bytesWritten < 70_001) await sleep(1)
  read()
  const told = new Promise(resolve => out.write(Buffer.alloc(200_000), resolve))
  // The last look at it of our own accord: from here on it is Rust that calls.
  while (out.bytesWritten < 70_001 + 65_536) await sleep(1)
  for (let left = 200_000; left > 0; await sleep(1)) {
    try {
      left -= read()
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
    }
  }
  await told
  await Promise.all([out, other].map(stream => once(stream.end(), 'close')))
  fs.closeSync(reader)
})

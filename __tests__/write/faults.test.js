'use strict'

// A write that fails: one 'error' with the right code, callbacks told, nothing left behind.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { finished } = require('node:stream')
const { runScript } = require('../helpers/child.js')
const { sameAsStock, closed, opened } = require('../helpers/same-as-stock.js')
const { smallDisk } = require('../helpers/targets.js')

for (const autoClose of [true, false]) {
  sameAsStock(`a full disk, autoClose ${autoClose}`, async run => {
    const stream = run.create({ autoClose }, '/dev/full')
    stream.write('a', run.callback('a', stream))
    stream.write('b', run.callback('b', stream))
    await new Promise(resolve => stream.once(autoClose ? 'close' : 'error', resolve))
    run.call('late', () => stream.write('c'))
  })

  sameAsStock(`a full disk, after open, autoClose ${autoClose}`, async run => {
    const stream = run.create({ autoClose }, '/dev/full')
    await opened(stream)
    stream.write('a', run.callback('a', stream))
    stream.write('b', run.callback('b', stream))
    await new Promise(resolve => stream.once(autoClose ? 'close' : 'error', resolve))
  })

  sameAsStock(`a full disk at the end, autoClose ${autoClose}`, async run => {
    const stream = run.create({ autoClose }, '/dev/full')
    stream.write('a', run.callback('a', stream))
    stream.end('b', run.callback('end', stream))
    await new Promise(resolve => stream.once(autoClose ? 'close' : 'error', resolve))
  })
}

// Node counts each chunk that was written without a callback, and `finished()` looks at that count.
for (const chunk of ['', 'x']) {
  sameAsStock(`callbacks write on and call finished() while a write of '${chunk}' fails`, async run => {
    const stream = run.create({ highWaterMark: 0, emitClose: false }, '/dev/full')
    await opened(stream)
    const last = new Promise(resolve => stream.once('error', resolve))
    stream.write(chunk, error => {
      run.log('first', error?.code)
      stream.write(chunk, () => stream.cork())
      stream.write(chunk, error => {
        run.log('third', error?.code)
        finished(stream, run.callback('finished'))
        stream.uncork()
      })
    })
    stream.write(chunk)
    stream.write(chunk)
    await last
  })
}

sameAsStock('a full disk of which nobody but the stream hears', async run => {
  const stream = run.create({}, '/dev/full')
  await opened(stream)
  stream.write('a')
  await closed(stream)
})

sameAsStock('empty chunks on a full disk', async run => {
  const stream = run.create({}, '/dev/full')
  for (let count = 0; count < 3; count++) stream.write('')
  stream.end(run.callback('end', stream))
  await closed(stream)
})

sameAsStock('a full disk while corked', async run => {
  const stream = run.create({}, '/dev/full')
  stream.cork()
  stream.write('a', run.callback('a', stream))
  stream.write('b', run.callback('b', stream))
  stream.uncork()
  await closed(stream)
})

sameAsStock('a pipe without a reader', async run => {
  const fifo = path.join(run.folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  const reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  const stream = run.create({}, fifo)
  await opened(stream)
  fs.closeSync(reader)
  stream.write('a', run.callback('a', stream))
  await closed(stream)
})

test('the descriptor is closed and the loop is free after an error', async () => {
  const { code, stdout } = await runScript('spillway', `
    const open = () => fs.readdirSync('/proc/self/fd').filter(fd => {
      try { return fs.readlinkSync('/proc/self/fd/' + fd) === '/dev/full' } catch { return false }
    }).length
    const out = createWriteStream('/dev/full')
    let errors = 0
    out.on('ready', () => console.log('open', open()))
    out.on('error', error => console.log(error.code, error.errno, error.syscall, ++errors))
    out.on('close', () => console.log('closed', open()))
    out.write('x')`)
  expect([code, stdout]).toEqual([0, 'open 1\nENOSPC -28 write 1\nclosed 0\n'])
})

/** Numbered blocks of 1,000 bytes, in a limit that holds some of them. */
const FILLS = `
  const told = []
  const out = createWriteStream(given.place ?? file)
  for (let at = 0; at < 3000; at++) out.write(Buffer.alloc(1000, at % 251), error => told.push(error?.code ?? 'written'))
  out.on('error', error => {
    out.on('close', () => {
      const content = fs.readFileSync(given.place ?? file)
      const written = told.filter(code => code === 'written').length
      console.log(JSON.stringify({
        code: error.code,
        syscall: error.syscall,
        size: content.length,
        bytesWritten: out.bytesWritten,
        isPrefix: content.every((byte, at) => byte === Math.floor(at / 1000) % 251),
        written,
        lost: told.filter(code => code === error.code).length,
        isInOrder: told.lastIndexOf('written') < written
      }))
    })
  })`

// Stock tells the callbacks of a whole writev that they failed, and counts none of its bytes.
test('a file at its size limit holds a prefix, and each callback hears the truth', async () => {
  const { stdout } = await runScript('spillway', `process.on('SIGXFSZ', () => {}); ${FILLS}`, {
    prefix: ['bash', '-c', 'ulimit -f 1000; exec "$@"', 'bash']
  })
  const result = JSON.parse(stdout)
  expect(result).toMatchObject({ code: 'EFBIG', syscall: 'write', size: 1_024_000, bytesWritten: 1_024_000, isPrefix: true, isInOrder: true })
  expect(result).toMatchObject({ written: 1024, lost: 3000 - 1024 })
})

describe('a file system of 1 MiB', () => {
  const disk = smallDisk(1024 * 1024)
  // A container may not mount; then /dev/full and the size limit stand for it.
  const testIfMounted = disk === null ? test.skip : test
  afterAll(() => disk?.remove())

  testIfMounted('that is full: a prefix, and each callback hears the truth', async () => {
    const { stdout } = await runScript('spillway', FILLS, { values: { place: path.join(disk.folder, 'file') } })
    const result = JSON.parse(stdout)
    expect(result).toMatchObject({ code: 'ENOSPC', syscall: 'write', isPrefix: true, isInOrder: true })
    expect(result.size).toBe(result.bytesWritten)
    expect(result.size).toBeGreaterThan(900_000)
    expect(result.written).toBe(Math.floor(result.size / 1000))
    expect(result.lost).toBe(3000 - result.written)
  })
})

test.each(['stock', 'spillway'])('a listener that throws keeps its own stream from being told, and no other: %s', async which => {
  const { stdout, code } = await runScript(which, `
    const seen = []
    process.on('uncaughtException', error => seen.push(error.message))
    const one = createWriteStream(file, { highWaterMark: 1 })
    const two = createWriteStream(file + '2', { highWaterMark: 1 })
    one.on('drain', () => { throw new Error('drain') })
    one.write('a', () => { throw new Error('first') })
    one.write('b', () => seen.push('second'))
    one.write('c', () => { throw new Error('third') })
    one.end(() => seen.push('end'))
    two.write('x', () => seen.push('other'))
    two.on('drain', () => seen.push('other drain'))
    process.on('exit', () => console.log(seen.sort().join()))`)
  expect([code, stdout]).toEqual([0, 'first,other,other drain\n'])
})

test.each(['stock', 'spillway'])('the ticks of a callback that throws come before the next callback: %s', async which => {
  const { stdout } = await runScript(which, `
    const seen = []
    process.on('uncaughtException', error => seen.push(error.message))
    const out = createWriteStream(file)
    out.on('open', () => setImmediate(() => {
      out.write('a', () => {
        process.nextTick(() => seen.push('tick'))
        throw new Error('thrown')
      })
      out.write('b', () => seen.push('b'))
      out.end()
      // Both may well be written by then.
      const end = Date.now() + 20
      while (Date.now() < end);
    }))
    process.on('exit', () => console.log(seen.join()))`)
  expect(stdout).toBe('thrown,tick,b\n')
})

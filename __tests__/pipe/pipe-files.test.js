'use strict'

// A file that is piped into a stream is copied by Rust, as long as nobody could tell:
// what the streams tell, what comes into the file, and who reads on where is as with Node's.

const { AsyncLocalStorage } = require('node:async_hooks')
const { execFileSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { PassThrough, finished } = require('node:stream')
const { finished: finishedPromise, pipeline } = require('node:stream/promises')
const { Worker } = require('node:worker_threads')
const spillway = require('../..')
const { SOURCE, parse } = require('../../fuzz/pipe/content.js')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')
const { openFiles, until } = require('../helpers/open-files.js')
const { sameAsStock, closed, turns } = require('../helpers/same-as-stock.js')
const { testWithFaults } = require('../helpers/strace.js')
const { smallDisk } = require('../helpers/targets.js')

const MIB = 1024 * 1024
const SIZE = 5 * MIB + 12_345

/** Chunks in which Node reads a file, and more than come before a copy is worth it, or the target is open. */
const CHUNK = 64 * 1024
const FEW = 40

const inFolder = folderForEach()

/** A file of which each byte tells where it is from. */
function source (size = SIZE, file = inFolder('source')) {
  fs.writeFileSync(file, SOURCE.subarray(0, size))
  return file
}

/** Whether the file that `out` has got came in steps, not in chunks. */
function isCopied (out) {
  const { acceptedChunks } = out.stats()
  if (acceptedChunks >= FEW) expect(acceptedChunks).toBeGreaterThanOrEqual(SIZE / CHUNK - 1)
  return acceptedChunks < FEW
}

/** Pipes `reader` into `out`. @returns {Promise<boolean>} whether it was copied */
async function pipe (reader, out) {
  reader.pipe(out)
  await closed(out)
  return isCopied(out)
}

/** Lets `reader` come to `count` bytes without a look at its chunks. */
const come = (reader, count) => until(() => reader.bytesRead >= count || reader.destroyed)

// ---- copied

const SOURCES = {
  'a path': file => [file],
  'a path and start': file => [file, { start: 70_001 }],
  'a path, start and end': file => [file, { start: 1, end: 4 * MIB }],
  'a path and end': file => [file, { end: 3 * MIB + 1 }],
  'a descriptor': file => [null, { fd: fs.openSync(file) }],
  'a descriptor and start': file => [null, { fd: fs.openSync(file), start: 5 }],
  'a FileHandle': async file => [null, { fd: await fs.promises.open(file) }]
}

const TARGETS = {
  'a path': () => ({}),
  'a descriptor': file => ({ fd: fs.openSync(file, 'w') }),
  'a FileHandle': async file => ({ fd: await fs.promises.open(file, 'w') })
}

for (const [from, reading] of Object.entries(SOURCES)) {
  test.each(Object.keys(TARGETS))(`${from} into %s is copied: counts and bytes are as with Node's`, async to => {
    const results = []
    for (const { createWriteStream } of [fs, spillway]) {
      const file = inFolder('target')
      const reader = fs.createReadStream(...await reading(source()))
      const out = createWriteStream(file, await TARGETS[to](file))
      await pipeline(reader, out)
      if (createWriteStream !== fs.createWriteStream) expect(isCopied(out)).toBe(true)
      results.push([reader.bytesRead, reader.pos, out.bytesWritten, out.pos, parse(fs.readFileSync(file))])
    }
    expect(results[1]).toEqual(results[0])
    await until(() => openFiles(inFolder()).length === 0)
  })
}

/** One on which this process may run. */
function firstProcessor () {
  return /^Cpus_allowed_list:\s+(\d+)/m.exec(fs.readFileSync('/proc/self/status', 'latin1'))[1]
}

// Where one processor reads and another writes, that is faster in some file systems.
testWithFaults('by the kernel, within a file system, on one processor', async () => {
  const { code, stderr, content } = await runScript('spillway', `
    fs.writeFileSync(file + '.in', Buffer.alloc(${SIZE}, 'x'))
    fs.createReadStream(file + '.in').pipe(createWriteStream(file))`,
  { prefix: ['taskset', '--cpu-list', firstProcessor(), 'strace', '-f', '--seccomp-bpf', '-qq', '-e', 'trace=copy_file_range'] })
  expect([code, content.length]).toEqual([0, SIZE])
  const copied = [...stderr.matchAll(/copy_file_range.*= (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0)
  // Those calls of which strace shows the start and the end in two lines count as well.
  expect(copied).toBeGreaterThan(SIZE - 5 * CHUNK)
})

test('kernelCopy: false switches it off', async () => {
  const out = spillway.createWriteStream(inFolder('target'), { kernelCopy: false })
  expect(await pipe(fs.createReadStream(source()), out)).toBe(false)
  expect(parse(fs.readFileSync(inFolder('target')))).toEqual([{ from: 0, to: SIZE }])
})

// ---- not copied

class Reader extends fs.ReadStream {}

/** A method that does what it did. @returns {() => void} takes it away again */
function wrap (object, method) {
  const isOwn = Object.hasOwn(object, method)
  const original = object[method]
  object[method] = function (...args) { return Reflect.apply(original, this, args) }
  return () => {
    if (isOwn) object[method] = original
    else delete object[method]
  }
}

const READERS = {
  'is of a class of its own': file => new Reader(file),
  'has a prototype of its own': file => Object.setPrototypeOf(fs.createReadStream(file), Object.create(fs.ReadStream.prototype)),
  'has a custom fs': file => fs.createReadStream(file, { fs: { ...fs } }),
  'has an encoding': file => fs.createReadStream(file, { encoding: 'latin1' }),
  'has a listener for data': file => fs.createReadStream(file).on('data', () => {}),
  'has a listener for data once, for each': file => {
    const reader = fs.createReadStream(file)
    const listen = () => reader.once('data', listen)
    listen()
    return reader
  },
  'flows into another, too': file => {
    const reader = fs.createReadStream(file)
    reader.pipe(new PassThrough()).resume()
    return reader
  },
  'is of graceful-fs': file => require('graceful-fs').createReadStream(file),
  'is of memfs': () => {
    const { fs: memory } = require('memfs')
    memory.writeFileSync('/source', SOURCE.subarray(0, SIZE))
    return memory.createReadStream('/source')
  }
}

for (const [why, make] of Object.entries(READERS)) {
  test(`a reader that ${why} is not copied`, async () => {
    const out = spillway.createWriteStream(inFolder('target'))
    expect(await pipe(make(source()), out)).toBe(false)
    expect(parse(fs.readFileSync(inFolder('target')))).toEqual([{ from: 0, to: SIZE }])
  })
}

test.each(['_read', 'push', 'read', 'emit', 'on', 'resume'])('nor is a reader with a %s of its own', async method => {
  const reader = fs.createReadStream(source())
  wrap(reader, method)
  const out = spillway.createWriteStream(inFolder('target'))
  expect(await pipe(reader, out)).toBe(false)
  expect(parse(fs.readFileSync(inFolder('target')))).toEqual([{ from: 0, to: SIZE }])
})

test.each([['fs.ReadStream.prototype', 'push'], ['fs.ReadStream.prototype', 'emit'], ['fs', 'read']])('nor if %s has another %s', async (of, method) => {
  const restore = wrap(of === 'fs' ? fs : fs.ReadStream.prototype, method)
  try {
    const out = spillway.createWriteStream(inFolder('target'))
    expect(await pipe(fs.createReadStream(source()), out)).toBe(false)
  } finally {
    restore()
  }
})

test.each(['the handle', 'its prototype'])('nor is the reader of a FileHandle if %s has another read', async whose => {
  const handle = await fs.promises.open(source())
  const owner = whose === 'the handle' ? handle : Object.getPrototypeOf(handle)
  let calls = 0
  const original = owner.read
  const restore = wrap(owner, 'read')
  const wrapped = owner.read
  owner.read = function (...args) {
    calls++
    return Reflect.apply(wrapped, this, args)
  }
  try {
    const out = spillway.createWriteStream(inFolder('target'))
    expect(await pipe(fs.createReadStream(null, { fd: handle }), out)).toBe(false)
    expect(calls).toBeGreaterThan(SIZE / CHUNK)
  } finally {
    restore()
  }
  expect(handle.read).toBe(original)
})

test('nor if fs.read was another before spillway was loaded, or the FileHandle\'s', async () => {
  const { stdout, stderr } = await runScript('stock', `
    const count = (owner, method, counts = { calls: 0 }) => {
      const original = owner[method]
      owner[method] = function (...args) {
        counts.calls++
        return Reflect.apply(original, this, args)
      }
      return counts
    }
    fs.writeFileSync(file + '.in', Buffer.alloc(${SIZE}))
    const flow = (reader, out) => new Promise(resolve => reader.pipe(out).on('close', () => resolve(out.stats().acceptedChunks)));
    (async () => {
      const handle = await fs.promises.open(file + '.in')
      const [ofFs, ofHandle] = [count(fs, 'read'), count(Object.getPrototypeOf(handle), 'read')]
      const { createWriteStream } = require(given.root)
      await flow(fs.createReadStream(file + '.in'), createWriteStream(file))
      await flow(fs.createReadStream(null, { fd: handle }), createWriteStream(file))
      console.log(ofFs.calls > ${SIZE / CHUNK}, ofHandle.calls > ${SIZE / CHUNK})
    })()`, { values: { root: path.join(__dirname, '..', '..') } })
  expect([stdout, stderr]).toEqual(['true true\n', ''])
})

test('a reader whose FileHandle is patched in mid-copy reads on by the patch', async () => {
  const handle = await fs.promises.open(source())
  const reader = fs.createReadStream(null, { fd: handle })
  const out = spillway.createWriteStream(inFolder('target'))
  reader.pipe(out)
  await come(reader, MIB)
  let bytes = 0
  const { read } = handle
  handle.read = async function (...args) {
    const result = await Reflect.apply(read, this, args)
    bytes += result.bytesRead
    return result
  }
  const before = reader.bytesRead
  await closed(out)
  // Two steps may be under way.
  expect(bytes).toBeGreaterThan(SIZE - before - 2 * 2 * MIB - 1)
  expect(parse(fs.readFileSync(inFolder('target')))).toEqual([{ from: 0, to: SIZE }])
})

test.each(['write', '_write', '_writev'])('nor is one into a stream with a %s of its own', async method => {
  const out = spillway.createWriteStream(inFolder('target'))
  wrap(out, method)
  expect(await pipe(fs.createReadStream(source()), out)).toBe(false)
  expect(parse(fs.readFileSync(inFolder('target')))).toEqual([{ from: 0, to: SIZE }])
})

test('nor is one into a subclass that sees its chunks', async () => {
  let seen = 0
  class Counter extends spillway.WriteStream {
    _write (chunk, encoding, callback) {
      seen += chunk.length
      super._write(chunk, encoding, callback)
    }

    _writev (chunks, callback) {
      for (const { chunk } of chunks) seen += chunk.length
      super._writev(chunks, callback)
    }
  }
  expect(await pipe(fs.createReadStream(source()), new Counter(inFolder('target')))).toBe(false)
  expect(seen).toBe(SIZE)
})

test('nor in object mode, where a read without bytes would be a chunk', async () => {
  const sizes = new Set()
  const reader = fs.createReadStream(source(400 * 1024), { objectMode: true, highWaterMark: 4096 })
  const out = spillway.createWriteStream(inFolder('target'))
  reader.pipe(out)
  await come(reader, 300 * 1024)
  reader.on('data', chunk => sizes.add(chunk.length))
  await closed(out)
  expect([...sizes]).toEqual([4096])
})

test('nor for a listener that has come in the place of the pipe', async () => {
  const reader = fs.createReadStream(source())
  const out = spillway.createWriteStream(inFolder('target'))
  reader.pipe(out, { end: false })
  const chunks = []
  await come(reader, 1)
  reader.removeAllListeners('data').on('data', chunk => chunks.push(chunk))
  await once(reader, 'end')
  out.end()
  await closed(out)
  const [{ to }] = parse(fs.readFileSync(inFolder('target')))
  expect(parse(Buffer.concat(chunks))).toEqual([{ from: to, to: SIZE }])
})

// ---- who takes over gets the right byte

const TAKERS = {
  'a listener for data': (reader, chunks) => { reader.on('data', chunk => chunks.push(chunk)) },
  'a listener for readable': (reader, chunks) => {
    reader.on('readable', () => { for (let chunk; (chunk = reader.read()) !== null;) chunks.push(chunk) })
  },
  'a loop': async (reader, chunks) => { for await (const chunk of reader) chunks.push(chunk) },
  'a second pipe': (reader, chunks) => { reader.pipe(new PassThrough()).on('data', chunk => chunks.push(chunk)) }
}

for (const [who, take] of Object.entries(TAKERS)) {
  test(`${who} that comes late gets all that is read from then on, and the file gets all`, async () => {
    const reader = fs.createReadStream(source())
    const out = spillway.createWriteStream(inFolder('target'))
    reader.pipe(out)
    await come(reader, 2 * MIB)
    const chunks = []
    take(reader, chunks)
    await closed(out)
    await turns(3)
    expect(parse(fs.readFileSync(inFolder('target')))).toEqual([{ from: 0, to: SIZE }])
    const runs = parse(Buffer.concat(chunks))
    expect(runs.length).toBeLessThanOrEqual(1)
    if (runs.length === 1) expect(runs[0].to).toBe(SIZE)
  })
}

test.each([[{}], [{ start: 0 }]])('what is unpiped in mid-copy goes on at the right byte elsewhere: %j', async options => {
  const reader = fs.createReadStream(source(), options)
  const [one, other] = ['one', 'other'].map(name => spillway.createWriteStream(inFolder(name)))
  reader.pipe(one)
  await come(reader, MIB)
  reader.unpipe(one)
  one.end()
  reader.pipe(other)
  await Promise.all([closed(one), closed(other)])
  const [first, second] = ['one', 'other'].map(name => parse(fs.readFileSync(inFolder(name))))
  expect(first).toEqual([{ from: 0, to: first[0].to }])
  expect(second).toEqual(first[0].to === SIZE ? [] : [{ from: first[0].to, to: SIZE }])
})

test('what is unpiped while chunks are read ahead goes on at the right byte', async () => {
  // Whether a read is under way then is a matter of time.
  for (let times = 0; times < 20; times++) {
    const reader = fs.createReadStream(source(2 * MIB))
    const seen = []
    reader.on('data', chunk => seen.push(chunk))
    const out = spillway.createWriteStream(inFolder('target'))
    reader.pipe(out)
    await come(reader, 700_000)
    for (let turn = 0; turn < times; turn++) await turns(1)
    reader.unpipe(out)
    reader.resume()
    await closed(reader)
    out.end()
    await closed(out)
    expect(parse(Buffer.concat(seen))).toEqual([{ from: 0, to: 2 * MIB }])
    expect(parse(fs.readFileSync(inFolder('target')))[0].from).toBe(0)
  }
})

test('paused and resumed, corked and uncorked, it is whole, and writes are among it', async () => {
  const reader = fs.createReadStream(source())
  const out = spillway.createWriteStream(inFolder('target'))
  reader.pipe(out)
  for (const at of [1, 2, 3, 4]) {
    await come(reader, at * MIB)
    if (reader.destroyed) break
    reader.pause()
    out.cork()
    out.write(Buffer.from([0xff, 0x80 + at]))
    await turns(2)
    out.uncork()
    reader.resume()
  }
  await closed(out)
  const parts = parse(fs.readFileSync(inFolder('target')))
  const numbers = parts.map(({ number }) => number).filter(Boolean)
  expect(numbers).toEqual([1, 2, 3, 4].slice(0, numbers.length))
  const runs = parts.filter(({ to }) => to !== undefined)
  runs.forEach(({ from }, at) => expect(from).toBe(at === 0 ? 0 : runs[at - 1].to))
  expect(runs.at(-1).to).toBe(SIZE)
})

// ---- beside Node's own

/** Both streams' events, each by itself. */
function watchBoth (run, reader, out) {
  const seen = { reader: [], out: [] }
  for (const event of ['open', 'ready', 'end', 'close', 'error']) reader.on(event, value => seen.reader.push([event, value?.code, value?.syscall]))
  for (const event of ['open', 'ready', 'pipe', 'unpipe', 'finish', 'close', 'error']) out.on(event, value => seen.out.push([event, value?.code, value?.syscall]))
  return seen
}

function sourceOf (run, size = SIZE) {
  return source(size, path.join(run.folder, 'source'))
}

for (const [name, options] of [['as it is', {}], ['autoClose: false', { autoClose: false }], ['emitClose: false', { emitClose: false }]]) {
  sameAsStock(`events of a pipe, ${name}`, async run => {
    const reader = fs.createReadStream(sourceOf(run), options)
    const out = run.createWriteStream(run.path, options)
    const seen = watchBoth(run, reader, out)
    reader.pipe(out)
    await finishedPromise(out)
    await turns(5)
    run.log(structuredClone(seen), reader.destroyed, out.destroyed, reader.bytesRead, out.bytesWritten)
    if (options.autoClose === false) run.log(openFiles(run.folder).length)
    reader.destroy()
    out.destroy()
    await until(() => options.autoClose === false || openFiles(run.folder).length === 0)
  })
}

sameAsStock('a shared descriptor stands where Node leaves it', async run => {
  const fd = fs.openSync(sourceOf(run))
  fs.readSync(fd, Buffer.alloc(1000))
  const reader = fs.createReadStream(null, { fd, autoClose: false, end: 4 * MIB })
  const out = run.createWriteStream(run.path)
  await pipeline(reader, out)
  const next = Buffer.alloc(8)
  fs.readSync(fd, next)
  run.log(next.toString('hex'), reader.bytesRead)
  fs.closeSync(fd)
})

sameAsStock('with start, a shared descriptor stays where it stands', async run => {
  const fd = fs.openSync(sourceOf(run))
  fs.readSync(fd, Buffer.alloc(1000))
  await pipeline(fs.createReadStream(null, { fd, autoClose: false, start: 7 }), run.createWriteStream(run.path))
  const next = Buffer.alloc(8)
  fs.readSync(fd, next)
  run.log(next.toString('hex'))
  fs.closeSync(fd)
})

sameAsStock('appended to what is there', async run => {
  fs.writeFileSync(run.path, 'before')
  await pipeline(fs.createReadStream(sourceOf(run)), run.createWriteStream(run.path, { flags: 'a' }))
})

sameAsStock('into the middle of a file', async run => {
  fs.writeFileSync(run.path, Buffer.alloc(SIZE + 1000, '.'))
  const out = run.createWriteStream(run.path, { flags: 'r+', start: 500 })
  await pipeline(fs.createReadStream(sourceOf(run), { start: 3 }), out)
  run.log(out.pos)
})

sameAsStock('into a full disk', async run => {
  const reader = fs.createReadStream(sourceOf(run))
  const out = run.createWriteStream('/dev/full')
  const seen = watchBoth(run, reader, out)
  reader.pipe(out)
  await closed(out)
  await turns(5)
  run.log(structuredClone(seen), reader.destroyed, openFiles(run.folder).length)
  reader.destroy()
  await closed(reader)
})

sameAsStock('a source whose descriptor is closed behind it', async run => {
  const file = sourceOf(run)
  // What is copied when it is paused is not the end.
  fs.truncateSync(file, 64 * MIB)
  const fd = fs.openSync(file)
  const reader = fs.createReadStream(null, { fd, autoClose: false })
  const out = run.createWriteStream(run.path)
  reader.pipe(out, { end: false })
  await come(reader, 1)
  reader.pause()
  await turns(20)
  fs.closeSync(fd)
  const error = once(reader, 'error').catch(error => error)
  reader.resume()
  const [{ code, syscall }] = await error
  run.log(code, syscall)
  run.ignoreBytes()
  out.on('error', () => {})
  out.destroy()
  await closed(out)
})

sameAsStock('the source of a pipe that has ended, read again by its descriptor', async run => {
  const file = sourceOf(run)
  const fd = fs.openSync(file)
  await pipeline(fs.createReadStream(null, { fd, autoClose: false }), run.createWriteStream(run.path))
  fs.appendFileSync(file, 'more')
  await pipeline(fs.createReadStream(null, { fd }), run.createWriteStream(run.path, { flags: 'a' }))
})

sameAsStock('pipe events that a program makes up', async run => {
  const out = run.createWriteStream(run.path)
  for (const reader of [undefined, null, 1, 'text', {}, Object.create(null)]) {
    for (const event of ['pipe', 'unpipe']) run.call(event, () => out.emit(event, reader))
  }
  out.end()
  await closed(out)
})

sameAsStock('unpiped from a stream that was aborted before it was made', async run => {
  // Stock creates the file.
  run.ignoreBytes()
  const out = run.createWriteStream(run.path, { signal: AbortSignal.abort() })
  out.on('error', () => {})
  const reader = new PassThrough()
  reader.pipe(out)
  run.call('unpipe', () => reader.unpipe(out) === reader)
  await closed(out)
})

sameAsStock('the async context of both streams', async run => {
  const als = new AsyncLocalStorage()
  const seen = {}
  const watch = (who, stream, events) => events.forEach(event => stream.on(event, () => (seen[who] ??= []).push([event, als.getStore()])))
  const reader = als.run('reader', () => fs.createReadStream(sourceOf(run)))
  // Whose context a read has after a 'drain' is a matter of time.
  const out = als.run('maker', () => run.createWriteStream(run.path, { highWaterMark: 2 * SIZE }))
  watch('reader', reader, ['open', 'end', 'close'])
  watch('out', out, ['open', 'pipe', 'unpipe', 'finish', 'close'])
  als.run('finisher', () => finished(out, () => (seen.out ??= []).push(['finished', als.getStore()])))
  als.run('piper', () => reader.pipe(out))
  await closed(out)
  await turns(5)
  run.log(seen)
})

sameAsStock('corked in mid-copy, with room for the rest: the reader comes to its end, which uncorks', async run => {
  const reader = fs.createReadStream(sourceOf(run))
  const out = run.createWriteStream(run.path, { highWaterMark: 2 * SIZE })
  reader.pipe(out)
  await come(reader, 300_000)
  out.cork()
  run.log(out.writableCorked)
  await closed(out)
  run.log(reader.bytesRead, out.bytesWritten)
})

sameAsStock('two files, corked in mid-copy', async run => {
  const file = sourceOf(run)
  const readers = [0, 1].map(() => fs.createReadStream(file))
  const out = run.createWriteStream(run.path, { highWaterMark: 4 * SIZE })
  for (const reader of readers) reader.pipe(out, { end: false })
  await Promise.all(readers.map(reader => come(reader, 300_000)))
  out.cork()
  await Promise.all(readers.map(closed))
  run.log(out.writableCorked)
  out.end()
  await closed(out)
  run.log(out.bytesWritten)
  // Whose bytes come first is a matter of time.
  fs.rmSync(run.path)
})

sameAsStock('corked in mid-copy, without room for the rest: the reader waits for uncork()', async run => {
  const file = sourceOf(run)
  fs.truncateSync(file, 32 * MIB)
  const reader = fs.createReadStream(file)
  const out = run.createWriteStream(run.path)
  reader.pipe(out)
  await come(reader, 300_000)
  out.cork()
  await until(() => out.writableNeedDrain)
  await turns(20)
  run.log(reader.readableEnded, reader.isPaused())
  out.uncork()
  await closed(out)
  run.log(reader.bytesRead, out.bytesWritten)
})

sameAsStock('destroyed while it is corked in mid-copy', async run => {
  const file = sourceOf(run)
  fs.truncateSync(file, 32 * MIB)
  const reader = fs.createReadStream(file)
  const out = run.createWriteStream(run.path)
  reader.pipe(out)
  await come(reader, 300_000)
  out.cork()
  await turns(3)
  // It was in mid-write, or not: that is a matter of time.
  out.on('error', () => {})
  out.destroy()
  await closed(out)
  reader.destroy()
  await closed(reader)
  fs.rmSync(run.path)
})

// ---- sources that are not what fstat said

test('a file that is cut meanwhile ends where it ends', async () => {
  const file = source()
  const reader = fs.createReadStream(file)
  const out = spillway.createWriteStream(inFolder('target'))
  reader.pipe(out)
  await come(reader, 1)
  fs.truncateSync(file, 600_000)
  await closed(out)
  const [{ from, to }, ...others] = parse(fs.readFileSync(inFolder('target')))
  expect([from, others]).toEqual([0, []])
  expect(to).toBe(reader.bytesRead)
  expect(to).toBeGreaterThanOrEqual(600_000)
})

test('a file that grows meanwhile is read to its end', async () => {
  const file = source()
  const reader = fs.createReadStream(file)
  const out = spillway.createWriteStream(inFolder('target'))
  reader.pipe(out)
  await come(reader, 1)
  fs.appendFileSync(file, SOURCE.subarray(SIZE, SIZE + MIB))
  await closed(out)
  expect(parse(fs.readFileSync(inFolder('target')))).toEqual([{ from: 0, to: SIZE + MIB }])
})

// ---- ends

test('destroy() in mid-copy: bytesWritten is what the file has, and nothing is written any more', async () => {
  for (let times = 0; times < 40; times++) {
    const file = inFolder('target')
    const reader = fs.createReadStream(source())
    const out = spillway.createWriteStream(file)
    reader.pipe(out)
    await come(reader, 1 + (times % 4) * MIB)
    // Stock, too, tells a destroy() in mid-write by an error.
    out.on('error', () => {})
    out.destroy()
    await closed(out)
    expect(fs.statSync(file).size).toBe(out.bytesWritten)
    reader.destroy()
  }
})

const disk = smallDisk(3 * MIB)
// A container may not mount.
const onDisk = disk === null ? test.skip : test
afterAll(() => disk?.remove())

onDisk('from one file system to another', async () => {
  const out = spillway.createWriteStream(path.join(disk.folder, 'target'))
  expect(await pipe(fs.createReadStream(source(), { end: 2 * MIB }), out)).toBe(true)
  expect(parse(fs.readFileSync(path.join(disk.folder, 'target')))).toEqual([{ from: 0, to: 2 * MIB + 1 }])
  fs.rmSync(path.join(disk.folder, 'target'))
})

onDisk('into a disk that is full in mid-copy: Node\'s error, and bytesWritten is what the file has', async () => {
  const file = path.join(disk.folder, 'target')
  const out = spillway.createWriteStream(file)
  const reader = fs.createReadStream(source())
  await expect(pipeline(reader, out)).rejects.toMatchObject({ code: 'ENOSPC', syscall: 'write' })
  expect(out.bytesWritten).toBe(fs.statSync(file).size)
  expect(parse(fs.readFileSync(file))).toEqual([{ from: 0, to: out.bytesWritten }])
  fs.rmSync(file)
})

onDisk('with retry a full disk is waited out at the exact byte', async () => {
  const file = path.join(disk.folder, 'target')
  fs.writeFileSync(path.join(disk.folder, 'filler'), Buffer.alloc(2 * MIB))
  const out = spillway.createWriteStream(file, { retry: { interval: 5 } })
  fs.createReadStream(source(), { end: 2 * MIB }).pipe(out)
  await once(out, 'stall')
  fs.rmSync(path.join(disk.folder, 'filler'))
  await closed(out)
  expect(parse(fs.readFileSync(file))).toEqual([{ from: 0, to: 2 * MIB + 1 }])
  fs.rmSync(file)
})

test('2,000 pipes, 20 at a time, leave no descriptor', async () => {
  const file = source(400 * 1024)
  const work = async at => {
    for (let times = 0; times < 100; times++) await pipeline(fs.createReadStream(file), spillway.createWriteStream(inFolder(`target-${at}`)))
  }
  await Promise.all(Array.from({ length: 20 }, (_, at) => work(at)))
  await until(() => openFiles(inFolder()).length === 0)
  for (let at = 0; at < 20; at++) expect(fs.statSync(inFolder(`target-${at}`)).size).toBe(400 * 1024)
})

test('process.exit() in mid-copy: the file has a part from its beginning, and the writes before it', async () => {
  const { code, stderr, content } = await runScript('spillway', `
    fs.writeFileSync(file + '.in', require(given.content).SOURCE.subarray(0, ${SIZE}))
    const reader = fs.createReadStream(file + '.in')
    const out = createWriteStream(file)
    reader.pipe(out)
    const look = () => {
      if (reader.bytesRead < ${MIB}) return setImmediate(look)
      out.write(Buffer.from([0xff, 0x81]))
      process.exit(0)
    }
    look()`, { values: { content: path.join(__dirname, '../../fuzz/pipe/content.js') } })
  expect([code, stderr]).toEqual([0, ''])
  const [run, piece, ...others] = parse(content)
  expect([run.from, piece.number, others]).toEqual([0, 1, []])
})

test('in a worker a file is copied, too', async () => {
  const worker = new Worker(`
    const { parentPort, workerData: { root, from, to } } = require('node:worker_threads')
    const out = require(root).createWriteStream(to)
    require('node:fs').createReadStream(from).pipe(out).on('close', () => parentPort.postMessage(out.stats().acceptedChunks))`,
  { eval: true, workerData: { root: path.join(__dirname, '..', '..'), from: source(), to: inFolder('target') } })
  const [chunks] = await once(worker, 'message')
  expect(chunks).toBeLessThan(FEW)
  expect(parse(fs.readFileSync(inFolder('target')))).toEqual([{ from: 0, to: SIZE }])
})

test('a FIFO as the target, and one as the source, are left to chunks', async () => {
  const fifo = inFolder('fifo')
  execFileSync('mkfifo', [fifo])
  const [into, from] = [spillway.createWriteStream(fifo), spillway.createWriteStream(inFolder('target'))]
  fs.createReadStream(source()).pipe(into)
  fs.createReadStream(fifo).pipe(from)
  await Promise.all([closed(into), closed(from)])
  expect([isCopied(into), parse(fs.readFileSync(inFolder('target')))]).toEqual([false, [{ from: 0, to: SIZE }]])
})

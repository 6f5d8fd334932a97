'use strict'

// writeFrom(): the bytes of another file, pipe or socket, in their place among the writes.

const { execFileSync, spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { createWriteStream } = require('../..')
const { SOURCE, parse } = require('../../fuzz/pipe/content.js')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')
const { openFiles, until } = require('../helpers/open-files.js')
const { closed, opened, turns } = require('../helpers/same-as-stock.js')
const { smallDisk } = require('../helpers/targets.js')

const MIB = 1024 * 1024
const SIZE = 3 * MIB + 12_345

// Before the folder is removed.
afterEach(() => until(() => openFiles(inFolder()).length === 0))
const inFolder = folderForEach()

/** A file of which each byte tells where it is from. */
function source (size = SIZE, file = inFolder('source')) {
  fs.writeFileSync(file, SOURCE.subarray(0, size))
  return file
}

function fifo (name = 'fifo') {
  execFileSync('mkfifo', [inFolder(name)])
  return inFolder(name)
}

const target = (options, name = 'target') => createWriteStream(inFolder(name), options)
const content = (name = 'target') => fs.readFileSync(inFolder(name))

/** Whether so many bytes are in the file. */
const hasCome = count => fs.existsSync(inFolder('target')) && content().length === count

async function end (out) {
  out.end()
  await closed(out)
}

/** Listens for an error that a test is about elsewhere. */
const deaf = out => out.on('error', () => {})

// ---- all sources

const SOURCES = {
  'a path': file => file,
  'a Buffer': file => Buffer.from(file),
  'a URL': file => pathToFileURL(file),
  'a descriptor': file => fs.openSync(file),
  'a FileHandle': file => fs.promises.open(file),
  'an fs.ReadStream': file => fs.createReadStream(file),
  'an fs.ReadStream of a descriptor': file => fs.createReadStream(null, { fd: fs.openSync(file) }),
  'an fs.ReadStream of a FileHandle': async file => (await fs.promises.open(file)).createReadStream()
}

/** Closes what is the caller's. */
async function close (from) {
  if (typeof from === 'number') fs.closeSync(from)
  else if (typeof from.fd === 'number' && from.pipe === undefined) await from.close()
}

const RANGES = [{}, { start: 5 }, { end: 9 }, { start: 70_001, end: 2 * MIB }, { start: 10, end: 10 }, { start: SIZE }, { start: 1, end: 2 ** 53 - 1 }]

for (const [name, make] of Object.entries(SOURCES)) {
  test.each(RANGES)(`${name}, %j`, async range => {
    const from = await make(source())
    const out = target()
    const first = range.start ?? 0
    const last = Math.min(range.end ?? Infinity, SIZE - 1)
    expect(await out.writeFrom(from, range)).toBe(last + 1 - first)
    await close(from)
    await end(out)
    expect(content().equals(SOURCE.subarray(first, last + 1))).toBe(true)
    expect(out.bytesWritten).toBe(last + 1 - first)
    if (from.destroyed !== undefined) expect(from.destroyed).toBe(true)
  })
}

test('an empty file, and one of /proc, which has no size', async () => {
  const out = target()
  expect(await out.writeFrom(source(0))).toBe(0)
  const count = await out.writeFrom('/proc/version')
  await end(out)
  expect([count, content()]).toEqual([content().length, fs.readFileSync('/proc/version')])
})

test('a range of an fs.ReadStream is its own, or that of the options', async () => {
  const out = target()
  expect(await out.writeFrom(fs.createReadStream(source(), { start: 8, end: 23 }))).toBe(16)
  expect(await out.writeFrom(fs.createReadStream(source(), { start: 8, end: 23 }), { start: 16 })).toBe(8)
  await end(out)
  expect(content()).toEqual(Buffer.concat([SOURCE.subarray(8, 24), SOURCE.subarray(16, 24)]))
})

test('a descriptor is read from where it stands, and stands behind it then; with start it stays', async () => {
  const fd = fs.openSync(source())
  fs.readSync(fd, Buffer.alloc(80))
  const next = Buffer.alloc(8)
  const out = target()
  expect(await out.writeFrom(fd, { end: 99_999 })).toBe(100_000)
  fs.readSync(fd, next)
  expect(next).toEqual(SOURCE.subarray(100_080, 100_088))
  expect(await out.writeFrom(fd, { start: 0, end: 7 })).toBe(8)
  fs.readSync(fd, next)
  expect(next).toEqual(SOURCE.subarray(100_088, 100_096))
  fs.closeSync(fd)
  await end(out)
  expect(content()).toEqual(Buffer.concat([SOURCE.subarray(80, 100_080), SOURCE.subarray(0, 8)]))
})

test('a FIFO, whose writer comes late', async () => {
  const file = fifo()
  const out = target()
  const count = out.writeFrom(file)
  await turns(20)
  const isOver = once(spawn('sh', ['-c', `printf one > ${file}`]), 'close')
  expect(await count).toBe(3)
  await isOver
  await end(out)
  expect(content().toString()).toBe('one')
})

test('what a child writes, and a part of it', async () => {
  const script = 'process.stdout.write("x".repeat(300000))'
  const file = inFolder('out')
  execFileSync('sh', ['-c', `${process.execPath} -e '${script}' > ${file}`])
  const out = target()
  const fd = fs.openSync(file)
  expect(await out.writeFrom(fd, { end: 9 })).toBe(10)
  expect(await out.writeFrom(fd)).toBe(299_990)
  fs.closeSync(fd)
  await end(out)
})

test('a socket, to its end', async () => {
  const file = inFolder('socket')
  // Node does not read it.
  const server = net.createServer({ pauseOnConnect: true })
  await once(server.listen(file), 'listening')
  const client = net.connect(file).end(SOURCE.subarray(0, 500_000))
  const [socket] = await once(server, 'connection')
  const out = target()
  expect(await out.writeFrom(socket._handle.fd)).toBe(500_000)
  client.destroy()
  socket.destroy()
  server.close()
  await end(out)
  expect(parse(content())).toEqual([{ from: 0, to: 500_000 }])
})

// ---- its place

test('it has its place among writes, whole, before the file is open and after', async () => {
  const file = source()
  const out = target({ highWaterMark: 16 })
  const expected = []
  const [told, counts] = [[], []]
  for (let round = 0; round < 5; round++) {
    if (round === 2) await opened(out)
    for (const text of [`line ${round}`, 'x'.repeat(70_000)]) {
      out.write(text, () => told.push(text))
      expected.push(Buffer.from(text))
    }
    out.writeFrom(file, { start: round, end: round * 100_000 + 7 }).then(count => counts.push(count))
    expected.push(SOURCE.subarray(round, round * 100_000 + 8))
  }
  await end(out)
  expect(content().equals(Buffer.concat(expected))).toBe(true)
  expect(told.map(text => text.slice(0, 6))).toEqual([0, 1, 2, 3, 4].flatMap(round => [`line ${round}`, 'xxxxxx']))
  expect(counts).toEqual([0, 1, 2, 3, 4].map(round => round * 100_000 + 8 - round))
})

test('it counts no byte of memory: writableLength, acceptedBytes and bytesWritten', async () => {
  const out = target()
  await opened(out)
  out.write('12345')
  const count = out.writeFrom(source())
  expect(out.writableLength).toBe(5)
  out.write('678')
  expect(out.writableLength).toBe(8)
  expect(await count).toBe(SIZE)
  await end(out)
  expect(out.bytesWritten).toBe(SIZE + 8)
  expect(out.stats()).toMatchObject({ acceptedBytes: SIZE + 8, writtenBytes: SIZE + 8, acceptedChunks: 3, writtenChunks: 3 })
})

test('while it is corked, it waits', async () => {
  const out = target()
  await opened(out)
  out.cork()
  out.write('a')
  let isDone = false
  const count = out.writeFrom(source(100)).then(() => { isDone = true })
  out.write('b')
  await turns(10)
  expect([isDone, content().length]).toEqual([false, 0])
  out.uncork()
  await count
  await end(out)
  expect(content()).toEqual(Buffer.concat([Buffer.from('a'), SOURCE.subarray(0, 100), Buffer.from('b')]))
})

test('with start, and to append: it goes where a write would go', async () => {
  fs.writeFileSync(inFolder('target'), '.'.repeat(300))
  const into = target({ flags: 'r+', start: 100 })
  into.write('a')
  await into.writeFrom(source(16))
  into.end('b')
  await closed(into)
  expect(into.pos).toBe(118)
  const behind = target({ flags: 'a' })
  behind.writeFrom(source(16))
  await end(behind)
  expect(content()).toEqual(Buffer.concat([Buffer.alloc(100, '.'), Buffer.from('a'), SOURCE.subarray(0, 16), Buffer.from('b'), Buffer.alloc(182, '.'), SOURCE.subarray(0, 16)]))
})

test('its file is opened when its turn comes, so what was written to it by then is read', async () => {
  const [out, other] = [target(), target({}, 'other')]
  const count = out.writeFrom(fs.createReadStream(inFolder('source-of-it'), {}).on('error', () => {})).catch(error => error.code)
  expect(await count).toBe('ENOENT')
  other.end('text')
  await closed(other)
  expect(await out.writeFrom(inFolder('other'))).toBe(4)
  await end(out)
  expect(content().toString()).toBe('text')
})

test('into a pipe', async () => {
  const out = createWriteStream(fifo())
  const reader = fs.createReadStream(inFolder('fifo'))
  const chunks = []
  reader.on('data', chunk => chunks.push(chunk))
  expect(await out.writeFrom(source())).toBe(SIZE)
  await end(out)
  await closed(reader)
  expect(parse(Buffer.concat(chunks))).toEqual([{ from: 0, to: SIZE }])
})

// ---- the end of it

test('a signal stops it: what was read is written, and the stream goes on', async () => {
  const file = fifo()
  const controller = new AbortController()
  const out = target()
  const writer = fs.openSync(file, fs.constants.O_RDWR)
  const count = out.writeFrom(file, { signal: controller.signal })
  fs.writeSync(writer, 'part')
  await until(() => hasCome(4))
  controller.abort('enough')
  await expect(count).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: 'enough' })
  out.end('!')
  await closed(out)
  fs.closeSync(writer)
  expect(content().toString()).toBe('part!')
})

test('a signal that is aborted already keeps it from being begun', async () => {
  const out = target()
  await expect(out.writeFrom(source(), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORT_ERR' })
  await end(out)
  expect(content().length).toBe(0)
})

test('a signal before its turn: nothing of it is written', async () => {
  const out = target()
  out.cork()
  const controller = new AbortController()
  const count = out.writeFrom(source(), { signal: controller.signal })
  controller.abort()
  out.uncork()
  await expect(count).rejects.toMatchObject({ code: 'ABORT_ERR' })
  await end(out)
  expect(content().length).toBe(0)
})

test('destroy() ends it, and nothing is written any more', async () => {
  const writer = fs.openSync(fifo(), fs.constants.O_RDWR)
  const out = deaf(target())
  const counts = [out.writeFrom(inFolder('fifo')), out.writeFrom(source())]
  fs.writeSync(writer, 'part')
  await until(() => hasCome(4))
  out.destroy()
  for (const count of counts) await expect(count).rejects.toMatchObject({ code: 'ERR_STREAM_DESTROYED' })
  await closed(out)
  fs.closeSync(writer)
  expect([out.bytesWritten, content().toString()]).toEqual([4, 'part'])
})

test('destroy() before or in mid-copy: nothing is written behind the copy, though Node has handed all over at once', async () => {
  const [before, behind] = ['before', 'x'.repeat(10_000)]
  const whole = Buffer.concat([Buffer.from(before), SOURCE.subarray(0, 100_000), Buffer.from(behind)])
  const wrong = []
  for (let times = 0; times < 300; times++) {
    const out = deaf(target())
    out.write(before, () => {})
    const count = out.writeFrom(source(100_000)).catch(() => {})
    out.write(behind)
    await turns(1 + times % 3)
    out.destroy()
    await Promise.all([count, closed(out)])
    const written = fs.existsSync(inFolder('target')) ? content() : Buffer.alloc(0)
    if (!whole.subarray(0, written.length).equals(written)) wrong.push(written.length)
  }
  expect(wrong).toEqual([])
})

test('destroy() in mid-copy: bytesWritten is what the file has', async () => {
  for (let times = 0; times < 20; times++) {
    const out = deaf(target())
    const count = out.writeFrom(source()).catch(() => {})
    await opened(out)
    await turns(times % 5)
    out.destroy()
    await Promise.all([count, closed(out)])
    expect(content().length).toBe(out.bytesWritten)
  }
})

test.each([[{}], [{ kernelCopy: false }], [{ digest: 'crc32' }], [{ durable: true }]])('destroy() in mid-copy, %j: what is behind it in the same write does not come in the place of the rest', async options => {
  for (let times = 0; times < 20; times++) {
    const out = deaf(target(options))
    await opened(out)
    out.write('first')
    out.cork()
    const count = out.writeFrom(source()).catch(() => {})
    out.write('behind')
    out.uncork()
    await until(() => content().length > 0)
    await turns(times % 5)
    out.destroy()
    await Promise.all([count, closed(out)])
    const whole = Buffer.concat([Buffer.from('first'), SOURCE.subarray(0, SIZE), Buffer.from('behind')])
    expect(content().equals(whole.subarray(0, content().length))).toBe(true)
    // Of a durable one it is what is on the device for certain.
    if (!options.durable) expect(content().length).toBe(out.bytesWritten)
  }
})

test('of a stream that is ended, destroyed or closed it rejects as a write would fail', async () => {
  const ended = target()
  ended.end()
  const told = once(ended, 'error')
  await expect(ended.writeFrom(source())).rejects.toMatchObject({ code: 'ERR_STREAM_WRITE_AFTER_END' })
  expect(await told).toMatchObject([{ code: 'ERR_STREAM_WRITE_AFTER_END' }])
  const destroyed = target({}, 'destroyed')
  destroyed.destroy()
  await expect(destroyed.writeFrom(source())).rejects.toMatchObject({ code: 'ERR_STREAM_DESTROYED' })
  await Promise.all([closed(ended), closed(destroyed)])
  await expect(destroyed.writeFrom(source())).rejects.toMatchObject({ code: 'ERR_STREAM_DESTROYED' })
  const given = createWriteStream(null, { fd: fs.openSync(inFolder('given'), 'w') })
  await end(given)
  // It has no name by which the file could be the same.
  await expect(given.writeFrom(source())).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_STREAM_/) })
})

// ---- errors

test.each([
  ['a file that is not there', () => inFolder('missing'), { code: 'ENOENT', syscall: 'open' }],
  ['a directory', () => inFolder(), { code: 'EISDIR', syscall: 'read' }],
  ['/proc/self/mem', () => '/proc/self/mem', { code: 'EIO', syscall: 'read' }],
  ['a descriptor that is not open', () => 12_345, { code: 'EBADF' }],
  ['one that is only written to', () => fs.openSync(inFolder('written'), 'w'), { code: 'EBADF', syscall: 'read' }]
])('%s: it rejects, and the stream goes on', async (name, make, error) => {
  const out = target()
  const from = make()
  out.write('a')
  await expect(out.writeFrom(from)).rejects.toMatchObject(error)
  if (typeof from === 'number' && from !== 12_345) fs.closeSync(from)
  out.end('b')
  await closed(out)
  expect([content().toString(), out.bytesWritten]).toEqual(['ab', 2])
})

test('an error of the open names the path, as Node\'s', async () => {
  const out = target()
  const stock = await fs.promises.open(inFolder('missing')).catch(error => error)
  const error = await out.writeFrom(inFolder('missing')).catch(error => error)
  expect([error.message, error.code, error.errno, error.syscall, error.path]).toEqual([stock.message, stock.code, stock.errno, stock.syscall, stock.path])
  await end(out)
})

test('an error of the write is the stream\'s', async () => {
  const out = createWriteStream('/dev/full')
  const failed = once(out, 'error').catch(error => [error])
  await expect(out.writeFrom(source())).rejects.toMatchObject({ code: 'ENOSPC', syscall: 'write' })
  const [error] = await failed
  expect(error).toMatchObject({ code: 'ENOSPC', syscall: 'write' })
  await closed(out)
})

test('the file itself is refused as its source, by any name', async () => {
  const out = target({ flags: 'a' })
  await opened(out)
  fs.linkSync(inFolder('target'), inFolder('link'))
  const fd = fs.openSync(inFolder('target'))
  for (const from of [inFolder('target'), inFolder('link'), fd, fs.createReadStream(inFolder('target'))]) {
    await expect(out.writeFrom(from)).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' })
    from.destroy?.()
  }
  fs.closeSync(fd)
  await end(out)
})

test.each([
  [[undefined], 'ERR_INVALID_ARG_TYPE'],
  [[null], 'ERR_INVALID_ARG_TYPE'],
  [[{}], 'ERR_INVALID_ARG_TYPE'],
  [[Symbol.iterator], 'ERR_INVALID_ARG_TYPE'],
  [[true], 'ERR_INVALID_ARG_TYPE'],
  [[() => {}], 'ERR_INVALID_ARG_TYPE'],
  [[-1], 'ERR_OUT_OF_RANGE'],
  [[1.5], 'ERR_OUT_OF_RANGE'],
  [[NaN], 'ERR_OUT_OF_RANGE'],
  [[2 ** 32], 'ERR_OUT_OF_RANGE'],
  [['with a \0 in it'], 'ERR_INVALID_ARG_VALUE'],
  [[Buffer.from('with a \0 in it')], 'ERR_INVALID_ARG_VALUE'],
  [['/dev/null', { start: '1' }], 'ERR_INVALID_ARG_TYPE'],
  [['/dev/null', { start: null }], 'ERR_INVALID_ARG_TYPE'],
  [['/dev/null', { start: -1 }], 'ERR_OUT_OF_RANGE'],
  [['/dev/null', { start: 1.5 }], 'ERR_OUT_OF_RANGE'],
  [['/dev/null', { start: 2 ** 53 }], 'ERR_OUT_OF_RANGE'],
  [['/dev/null', { start: 2, end: 1 }], 'ERR_OUT_OF_RANGE'],
  [['/dev/null', { end: NaN }], 'ERR_OUT_OF_RANGE'],
  [['/dev/null', { end: 1n }], 'ERR_INVALID_ARG_TYPE'],
  [['/dev/null', { signal: {} }], 'ERR_INVALID_ARG_TYPE']
])('writeFrom(...%p) rejects with %s, and never throws', async (args, code) => {
  const out = target()
  await expect(out.writeFrom(...args)).rejects.toMatchObject({ code })
  out.end('fine')
  await closed(out)
  expect(content().toString()).toBe('fine')
})

test.each([
  ['is read from', async reader => { await once(reader, 'readable') }],
  ['flows', reader => { reader.resume() }],
  ['is destroyed', reader => { reader.destroy() }]
])('an fs.ReadStream that %s is refused', async (name, use) => {
  const reader = fs.createReadStream(source())
  await use(reader)
  const out = target()
  await expect(out.writeFrom(reader)).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' })
  reader.destroy()
  await end(out)
})

test('a subclass and a patch that write the chunks themselves are told', async () => {
  class Own extends require('../..').WriteStream {
    _write (chunk, encoding, callback) { super._write(chunk, encoding, callback) }
  }
  const out = new Own(inFolder('target'))
  await expect(out.writeFrom(source())).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' })
  await end(out)
})

// ---- who waits

test('100 FIFOs that have nothing hold no thread: other files are copied', async () => {
  const outs = Array.from({ length: 100 }, (_, at) => deaf(target({}, `stuck-${at}`)))
  const counts = outs.map((out, at) => out.writeFrom(fifo(`fifo-${at}`)).catch(error => error.code))
  const out = target()
  expect(await out.writeFrom(source())).toBe(SIZE)
  expect(await fs.promises.readFile(inFolder('target'))).toHaveLength(SIZE)
  await end(out)
  for (const stuck of outs) stuck.destroy()
  expect(new Set(await Promise.all(counts))).toEqual(new Set(['ERR_STREAM_DESTROYED']))
  await Promise.all(outs.map(closed))
})

test('flushSync() writes what it has', async () => {
  const out = target()
  await opened(out)
  out.write('a')
  const count = out.writeFrom(source())
  out.write('b')
  out.flushSync()
  expect(content().length).toBe(SIZE + 2)
  expect(out.bytesWritten).toBe(SIZE + 2)
  expect(await count).toBe(SIZE)
  await end(out)
})

test('flushSync() gives up a source that has nothing', async () => {
  const writer = fs.openSync(fifo(), fs.constants.O_RDWR)
  const out = deaf(target({ blockTimeout: 30 }))
  await opened(out)
  const count = out.writeFrom(inFolder('fifo')).catch(() => {})
  expect(() => out.flushSync()).toThrow(expect.objectContaining({ code: 'ETIMEDOUT' }))
  out.destroy()
  await Promise.all([closed(out), count])
  fs.closeSync(writer)
})

test.each([['at once', 'process.exit()'], ['when it is open', "out.on('ready', () => process.exit())"], ['by an error', "setImmediate(() => { throw new Error('mine') })"]])(
  'the end of the process, %s, is waited for until all of it is written', async (when, script) => {
    const { content } = await runScript('spillway', `
      fs.writeFileSync(file + '.in', Buffer.alloc(${SIZE}, 'x'))
      const out = createWriteStream(file)
      out.write('a')
      out.writeFrom(file + '.in')
      out.write('b')
      ${script}`)
    expect(content.equals(Buffer.from(`a${'x'.repeat(SIZE)}b`))).toBe(true)
  })

test('a source that has nothing keeps the end of the process waiting for exitTimeout, and that is told', async () => {
  const { code, stderr, content } = await runScript('spillway', `
    require('node:child_process').execFileSync('mkfifo', [file + '.fifo'])
    const writer = fs.openSync(file + '.fifo', fs.constants.O_RDWR)
    const out = createWriteStream(file, { exitTimeout: 30 })
    out.write('a')
    out.writeFrom(file + '.fifo')
    out.write('five!')
    out.on('ready', () => process.exit(0))`)
  expect([code, content.toString()]).toEqual([0, 'a'])
  expect(stderr).toMatch(/SpillwayWarning: 5 bytes and the rest of 1 source could not be written to .*file before the process ended/)
})

test.each([
  ['the rest of 1 source', "out.writeFrom(file + '.fifo')"],
  ['the rest of 2 sources', "out.writeFrom(file + '.fifo'); out.writeFrom(file + '.other')"],
  ['3 bytes and the rest of 2 sources', "out.writeFrom(file + '.fifo'); out.write('abc'); out.writeFrom(file + '.other')"]
])('what could not be copied is told as what it is: %s', async (lost, script) => {
  const { stderr } = await runScript('spillway', `
    for (const name of ['.fifo', '.other']) {
      require('node:child_process').execFileSync('mkfifo', [file + name])
      fs.openSync(file + name, fs.constants.O_RDWR)
    }
    const out = createWriteStream(file, { exitTimeout: 30 })
    out.on('ready', () => {
      ${script}
      process.exit(0)
    })`)
  expect(stderr).toContain(`SpillwayWarning: ${lost} could not be written to `)
})

const disk = smallDisk(2 * MIB)
// A container may not mount.
const onDisk = disk === null ? test.skip : test
afterAll(() => disk?.remove())

onDisk('of a file that is piped into a stream that takes nothing one source is told, not each step', async () => {
  const { stderr } = await runScript('spillway', `
    fs.writeFileSync(file + '.in', Buffer.alloc(${SIZE}))
    const out = createWriteStream(given.target, { exitTimeout: 30, retry: { interval: 5 } })
    fs.createReadStream(file + '.in').pipe(out)
    out.on('stall', () => process.exit(0))`, { values: { target: path.join(disk.folder, 'target') } })
  expect(stderr).toMatch(/SpillwayWarning: the rest of 1 source could not be written to .*target before/)
  fs.rmSync(path.join(disk.folder, 'target'))
})

onDisk('a disk that is full in mid-copy is waited out at the exact byte', async () => {
  const file = path.join(disk.folder, 'target')
  fs.writeFileSync(path.join(disk.folder, 'filler'), Buffer.alloc(1.5 * MIB))
  const out = createWriteStream(file, { retry: { interval: 5 } })
  const count = out.writeFrom(source(1.5 * MIB))
  const [error] = await once(out, 'stall')
  expect(error).toMatchObject({ code: 'ENOSPC', syscall: 'write' })
  fs.rmSync(path.join(disk.folder, 'filler'))
  expect(await count).toBe(1.5 * MIB)
  await end(out)
  expect(parse(fs.readFileSync(file))).toEqual([{ from: 0, to: 1.5 * MIB }])
  fs.rmSync(file)
})

onDisk('a disk that stays full: its error, and bytesWritten is what the file has', async () => {
  const file = path.join(disk.folder, 'target')
  const out = deaf(createWriteStream(file))
  out.write('a')
  await expect(out.writeFrom(source())).rejects.toMatchObject({ code: 'ENOSPC', syscall: 'write' })
  await closed(out)
  expect(out.bytesWritten).toBe(fs.statSync(file).size)
  fs.rmSync(file)
})

'use strict'

// `compress`: the file is one that other programs read, however it comes to its end.

const { once } = require('node:events')
const fs = require('node:fs')
const { Readable } = require('node:stream')
const { finished, pipeline } = require('node:stream/promises')
const { createWriteStream } = require('../..')
const { runScript } = require('../helpers/child.js')
const { decode, decodePrefix, testOf } = require('../helpers/decode.js')
const { folderForEach } = require('../helpers/folder.js')
const numbered = require('../helpers/numbered.js')
const { smallDisk } = require('../helpers/targets.js')

const MIB = 1024 * 1024
const at = folderForEach()

/** Each way to compress. */
const WAYS = {
  gzip: 'gzip',
  'gzip, by three threads': { algorithm: 'gzip', threads: 3 },
  'gzip, stored': { algorithm: 'gzip', level: 0 },
  zstd: 'zstd',
  'zstd, by three threads': { algorithm: 'zstd', threads: 3, level: 1 },
  'zstd, fast': { algorithm: 'zstd', level: -5 }
}

const formatOf = compress => compress.algorithm ?? compress
const list = numbered.chunks()
const text = numbered.joined(list)
const sizeOf = name => fs.statSync(at(name)).size

/** Bytes that can't be compressed. */
function noise (size) {
  const bytes = Buffer.alloc(size)
  for (let at = 0, seed = 1; at < size; at++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    bytes[at] = seed >>> 24
  }
  return bytes
}

describe.each(Object.entries(WAYS))('%s', (name, compress) => {
  const format = formatOf(compress)
  const testHere = testOf(format)
  const read = name => decode(format, fs.readFileSync(at(name)))

  testHere('the file is one that others read', async () => {
    const out = createWriteStream(at('file'), { compress })
    for (const chunk of list) if (!out.write(chunk)) await once(out, 'drain')
    out.end('the end')
    await finished(out)
    expect(read('file').equals(Buffer.concat([text, Buffer.from('the end')]))).toBe(true)
    const { writtenBytes, fileBytes, compressionRatio } = out.stats()
    expect([out.bytesWritten, writtenBytes, fileBytes]).toEqual([text.length + 7, text.length + 7, sizeOf('file')])
    expect(compressionRatio).toBe(fileBytes / writtenBytes)
  })

  testHere('so is one of bytes that can\'t be compressed, in chunks of all sizes', async () => {
    const bytes = noise(3 * MIB)
    const out = createWriteStream(at('file'), { compress, highWaterMark: 100_000 })
    for (let start = 0, size = 1; start < bytes.length; start += size, size = size * 3 % 999_983) {
      if (!out.write(bytes.subarray(start, start + size))) await once(out, 'drain')
    }
    out.end()
    await finished(out)
    expect(read('file').equals(bytes)).toBe(true)
  })

  testHere('and one of no bytes', async () => {
    const out = createWriteStream(at('file'), { compress }).end()
    await finished(out)
    expect([read('file').length, out.bytesWritten]).toEqual([0, 0])
    expect(out.stats().fileBytes).toBe(sizeOf('file'))
  })

  testHere('appending adds to it', async () => {
    for (const flags of ['w', 'a', 'a']) await finished(createWriteStream(at('file'), { compress, flags }).end(`${flags} ${text}`))
    expect(String(read('file'))).toBe(['w', 'a', 'a'].map(flags => `${flags} ${text}`).join(''))
  })

  testHere('flushSync() and sync() end a block: all before can be read', async () => {
    const out = createWriteStream(at('file'), { compress })
    out.write('one ')
    out.flushSync()
    expect(String(read('file'))).toBe('one ')
    out.write('two ')
    await out.sync()
    expect(String(read('file'))).toBe('one two ')
    out.write('three ')
    await out.datasync()
    // Nothing has come: nothing is added.
    const size = sizeOf('file')
    out.flushSync()
    out.flushSync()
    expect([String(read('file')), sizeOf('file')]).toEqual(['one two three ', size])
    out.end('four')
    await finished(out)
    expect(String(read('file'))).toBe('one two three four')
    expect(out.bytesWritten).toBe(18)
  })

  testHere('bytes of other files and streams are compressed, too, in their place', async () => {
    fs.writeFileSync(at('source'), text)
    const out = createWriteStream(at('file'), { compress })
    out.write('head ')
    await out.writeFrom(at('source'))
    out.write(' middle ')
    await pipeline(fs.createReadStream(at('source')), out, { end: false })
    await pipeline(Readable.from(['of ', 'a generator ']), out, { end: false })
    out.end('tail')
    await finished(out)
    expect(String(read('file'))).toBe(`head ${text} middle ${text}of a generator tail`)
  })

  testHere('what is piped goes by `pipeline` alone', async () => {
    fs.writeFileSync(at('source'), Buffer.concat(Array.from({ length: 20 }, () => text)))
    await pipeline(fs.createReadStream(at('source')), createWriteStream(at('file'), { compress }))
    expect(read('file').equals(fs.readFileSync(at('source')))).toBe(true)
  })

  const ENDS = {
    'end(), then process.exit()': 'write(); out.end(); process.exit(0)',
    'process.exit() in the run that makes it': 'write(); process.exit(0)',
    'process.exit() later': 'write(); out.once("open", () => setImmediate(() => process.exit(0)))',
    'falling off the end without end()': 'write()',
    'falling off the end when the stream is garbage': 'out.once("open", write); out = null; setTimeout(() => { gc(); setTimeout(gc, 50) }, 200)',
    'an uncaught error': 'write(); throw new Error("uncaught")',
    'process.exit() with what a listener for exit writes': 'list.slice(0, -3).forEach(chunk => out.write(chunk)); process.on("exit", () => list.slice(-3).forEach(chunk => out.write(chunk))); process.exit(0)',
    'a process whose `emit` was replaced': 'out.once("open", () => out.write(list.shift(), () => { write(); process.emit = () => {}; process.exit(0) }))'
  }
  for (const [end, script] of Object.entries(ENDS)) {
    testHere(`${end}: the file is whole`, async () => {
      const { content } = await runScript('spillway', `
        const list = require(given.numbered).chunks()
        let out = createWriteStream(file, { compress: given.compress })
        const write = function () { list.forEach(chunk => (out ?? this).write(chunk)) }
        ${script}`, { values: { compress, numbered: numbered.path }, args: ['--expose-gc'] })
      expect(decode(format, content).equals(text)).toBe(true)
    })
  }

  const ENDS_OF_WORKERS = {
    'process.exit() in a worker': 'write(); process.exit(0)',
    'the end of a worker': 'write()',
    'an error in a worker': 'write(); throw new Error("uncaught")',
    'worker.terminate()': 'write(); parentPort.postMessage("written"); for (;;);',
    'worker.terminate() of one that has ended its stream': 'write(); out.end(); parentPort.postMessage("written"); for (;;);'
  }
  for (const [end, script] of Object.entries(ENDS_OF_WORKERS)) {
    testHere(`${end}: the file is whole`, async () => {
      const { content, code } = await runScript('spillway', `
        const { Worker, isMainThread, parentPort } = require('node:worker_threads')
        if (isMainThread) {
          const worker = new Worker(__filename)
          worker.on('message', () => worker.terminate()).on('error', () => {})
        } else {
          const list = require(given.numbered).chunks()
          const out = createWriteStream(file, { compress: given.compress })
          const write = () => list.forEach(chunk => out.write(chunk))
          out.once('open', () => { ${script} })
        }`, { values: { compress, numbered: numbered.path } })
      expect(code).toBe(0)
      expect(decode(format, content).equals(text)).toBe(true)
    })
  }

  testHere('a process that ends before anything is written leaves a file that can be read', async () => {
    const { content } = await runScript('spillway', `
      createWriteStream(file, { compress: given.compress }).once('open', () => process.exit(0))`, { values: { compress } })
    expect(decode(format, content)).toHaveLength(0)
  })

  testHere('after SIGKILL what can be read is a prefix', async () => {
    const { code, content } = await runScript('spillway', `
      const out = createWriteStream(file, { compress: given.compress })
      let line = 0
      const write = () => {
        for (let at = 0; at < 1000; at++) out.write('line ' + line++ + '\\n')
        if (fs.existsSync(file) && fs.statSync(file).size > 100_000) process.kill(process.pid, 'SIGKILL')
        setImmediate(write)
      }
      write()`, { values: { compress } })
    expect(code).toBe('SIGKILL')
    const lines = String(decodePrefix(format, content)).split('\n')
    // The last one may be a part.
    lines.pop()
    expect(lines.length).toBeGreaterThan(100)
    expect(lines.every((line, at) => line === `line ${at}`)).toBe(true)
  })

  testHere('a stream that fails by its budget is whole before that', async () => {
    const out = createWriteStream(at('file'), { compress, backpressure: 'strict', budget: 2 * MIB })
    out.write('kept')
    out.write(Buffer.alloc(3 * MIB))
    await expect(finished(out)).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    if (!out.closed) await once(out, 'close')
    expect(String(read('file'))).toBe('kept')
  })
})

test('write(), writableLength and \'drain\' count the bytes that were given', async () => {
  const out = createWriteStream(at('file'), { compress: 'gzip', highWaterMark: 1000 })
  const chunk = 'x'.repeat(600)
  expect([out.write(chunk), out.writableLength]).toEqual([true, 600])
  expect([out.write(chunk), out.writableLength]).toEqual([false, 1200])
  await once(out, 'drain')
  expect(out.writableLength).toBe(0)
  const told = new Promise(resolve => out.write(chunk, resolve))
  expect(await told).toBeFalsy()
  expect(out.bytesWritten).toBe(1800)
  out.end()
  await finished(out)
})

test('a stream that is destroyed leaves what was compressed by then, without an end', async () => {
  const out = createWriteStream(at('file'), { compress: 'gzip' })
  const bytes = noise(MIB)
  await new Promise(resolve => out.write(bytes, resolve))
  out.destroy()
  await once(out, 'close')
  const prefix = decodePrefix('gzip', fs.readFileSync(at('file')))
  expect(prefix.length).toBeLessThan(bytes.length)
  expect(prefix.equals(bytes.subarray(0, prefix.length))).toBe(true)
})

test('into a descriptor, a FIFO\'s among them', async () => {
  const { code, content } = await runScript('spillway', `
    const list = require(given.numbered).chunks()
    const { execFileSync, spawn } = require('node:child_process')
    execFileSync('mkfifo', [file + '.fifo'])
    spawn('sh', ['-c', 'sleep 0.2; cat ' + file + '.fifo > ' + file], { stdio: 'inherit' })
    const out = createWriteStream(null, { fd: fs.openSync(file + '.fifo', 'w'), compress: 'gzip' })
    for (const chunk of list) out.write(chunk)
    out.end()`, { values: { numbered: numbered.path } })
  expect(code).toBe(0)
  expect(decode('gzip', content).equals(text)).toBe(true)
})

test('a pipe that nobody reads: the warning tells what can\'t be read', async () => {
  const { stderr } = await runScript('spillway', `
    const { execFileSync } = require('node:child_process')
    execFileSync('mkfifo', [file + '.fifo'])
    fs.openSync(file + '.fifo', fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    const out = createWriteStream(file + '.fifo', { compress: { algorithm: 'gzip', level: 0 }, exitTimeout: 50 })
    out.write(Buffer.alloc(300_000))
    out.on('ready', () => setTimeout(() => process.exit(0), 200))`)
  expect(stderr).toMatch(/SpillwayWarning: 300000 bytes could not be written/)
})

describe('a disk of 1 MiB', () => {
  const disk = smallDisk(MIB)
  const onDisk = disk === null ? test.skip : test
  const on = name => `${disk.folder}/${name}`
  afterEach(() => disk && fs.readdirSync(disk.folder).forEach(name => fs.rmSync(on(name))))
  afterAll(() => disk?.remove())

  onDisk('that is full is the stream\'s error', async () => {
    const out = createWriteStream(on('file'), { compress: 'zstd' })
    out.write(noise(3 * MIB))
    out.end()
    await expect(finished(out)).rejects.toMatchObject({ code: 'ENOSPC', syscall: 'write' })
  })

  for (const [when, flush] of [['in a write', () => {}], ['in a flush', out => { out.flushSync() }]]) {
    onDisk(`that is full is waited for, ${when}: the file is whole`, async () => {
      fs.writeFileSync(on('filler'), Buffer.alloc(MIB - 200 * 1024))
      const out = createWriteStream(on('file'), { compress: 'gzip', retry: { interval: 5 }, blockTimeout: 20 })
      const bytes = noise(when === 'in a flush' ? 230 * 1024 : 600 * 1024)
      out.write(bytes)
      try { flush(out) } catch (error) { expect(error.code).toBe('ENOSPC') }
      if (out.stats().stalls === 0) await once(out, 'stall')
      fs.rmSync(on('filler'))
      out.end('the end')
      await finished(out)
      expect(decode('gzip', fs.readFileSync(on('file'))).equals(Buffer.concat([bytes, Buffer.from('the end')]))).toBe(true)
    })
  }
})

test('memory is bounded', async () => {
  const { stdout } = await runScript('spillway', `
    const { once } = require('node:events')
    const peak = () => Number(/VmHWM:\\s*(\\d+) kB/.exec(fs.readFileSync('/proc/self/status', 'latin1'))[1]) / 1024
    const main = async () => {
      const chunk = Buffer.from('some line of text that comes again and again\\n'.repeat(1000))
      const before = peak()
      for (const compress of ['gzip', { algorithm: 'gzip', threads: 4 }, 'zstd', { algorithm: 'zstd', threads: 4 }]) {
        const out = createWriteStream('/dev/null', { compress })
        for (let at = 0; at < 2000; at++) if (!out.write(chunk)) await once(out, 'drain')
        out.end()
        await once(out, 'close')
      }
      console.log(peak() - before)
    }
    main()`)
  // Of 360 MB that were written. Four threads of zstd have some 40 MiB.
  expect(Number(stdout)).toBeLessThan(120)
})

test('64 streams that compress do not keep a plain one from being written', async () => {
  const { stdout } = await runScript('spillway', `
    const chunk = Buffer.alloc(1 << 20, require('node:crypto').randomBytes(4096).toString('hex'))
    let busy = 0
    const busies = Array.from({ length: 64 }, () => createWriteStream('/dev/null', { compress: { algorithm: 'gzip', level: 9 } }))
    for (const out of busies) {
      const go = () => out.write(chunk, () => { busy++; out.destroyed || go() })
      go()
    }
    const plain = createWriteStream(file)
    const times = []
    const next = () => {
      const start = performance.now()
      plain.write('a line\\n', () => {
        times.push(performance.now() - start)
        if (times.length < 200) return setTimeout(next, 2)
        times.sort((a, b) => a - b)
        const threads = fs.readdirSync('/proc/self/task').length
        console.log(JSON.stringify({ median: times[100], p90: times[180], busy, threads, cores: require('node:os').availableParallelism() }))
        process.reallyExit(0)
      })
    }
    setTimeout(next, 100)`)
  const { median, busy, threads, cores } = JSON.parse(stdout)
  expect(busy).toBeGreaterThan(0)
  // On two cores some 3 ms; were they in one queue, hundreds.
  expect(median).toBeLessThan(50)
  // Of Node some eleven.
  expect(threads).toBeLessThan(11 + 4 + cores + 4)
})

test.each([
  [{ compress: true }, 'ERR_INVALID_ARG_VALUE', 'compress'],
  [{ compress: false }, 'ERR_INVALID_ARG_VALUE', 'compress'],
  [{ compress: '' }, 'ERR_INVALID_ARG_VALUE', 'compress'],
  [{ compress: 'brotli' }, 'ERR_INVALID_ARG_VALUE', 'compress'],
  [{ compress: [] }, 'ERR_INVALID_ARG_VALUE', 'compress'],
  [{ compress: { level: 1 } }, 'ERR_INVALID_ARG_VALUE', 'compress'],
  [{ compress: { algorithm: 'gzip', level: '1' } }, 'ERR_INVALID_ARG_TYPE', 'compress.level'],
  [{ compress: { algorithm: 'gzip', level: 10 } }, 'ERR_OUT_OF_RANGE', 'compress.level'],
  [{ compress: { algorithm: 'gzip', level: -1 } }, 'ERR_OUT_OF_RANGE', 'compress.level'],
  [{ compress: { algorithm: 'zstd', level: 23 } }, 'ERR_OUT_OF_RANGE', 'compress.level'],
  [{ compress: { algorithm: 'zstd', level: 1.5 } }, 'ERR_OUT_OF_RANGE', 'compress.level'],
  [{ compress: { algorithm: 'zstd', threads: 0 } }, 'ERR_OUT_OF_RANGE', 'compress.threads'],
  [{ compress: { algorithm: 'zstd', threads: 65 } }, 'ERR_OUT_OF_RANGE', 'compress.threads'],
  [{ compress: { algorithm: 'zstd', threads: null } }, 'ERR_INVALID_ARG_TYPE', 'compress.threads']
])('%j is refused: %s', (options, code, name) => {
  expect(() => createWriteStream(at('file'), options)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(`options.${name}`) }))
  expect(fs.existsSync(at('file'))).toBe(false)
})

'use strict'

// Memory that is still being written stays, and what is written is let go.

const { runScript } = require('../helpers/child.js')

test('garbage collection in mid-write does not touch what is not yet written', async () => {
  const { code, stdout, stderr } = await runScript('spillway', `
    const { createHash } = require('node:crypto')
    const expected = createHash('sha256')
    const out = createWriteStream(file, { highWaterMark: 1 << 30 })
    for (let at = 0; at < 400; at++) {
      let chunk = Buffer.allocUnsafeSlow(20_000 + at * 200).fill(at % 251)
      expected.update(chunk)
      out.write(chunk)
      const line = 'line ' + at + '\\n'
      expected.update(line)
      out.write(line)
      chunk = null
      if (at % 10 === 0) gc()
      // What takes the place of memory that was let go too early.
      for (let other = 0; other < 5; other++) Buffer.allocUnsafeSlow(50_000).fill(255)
    }
    gc()
    out.end(() => {
      const actual = createHash('sha256').update(fs.readFileSync(file)).digest('hex')
      console.log(actual === expected.digest('hex'))
    })`, { args: ['--expose-gc'] })
  expect([code, stdout, stderr]).toEqual([0, 'true\n', ''])
})

test('a stream that is dropped without end() still gets its bytes written', async () => {
  const { code, content } = await runScript('spillway', `
    void (function () { createWriteStream(file).write('x'.repeat(5_000_000)) })()
    gc()
    setImmediate(() => { gc(); setImmediate(gc) })`, { args: ['--expose-gc'] })
  expect([code, content.length]).toEqual([0, 5_000_000])
})

test('a loop that never yields does not hoard the chunks that are written', async () => {
  const { code, stdout } = await runScript('spillway', `
    const peak = () => Number(/VmHWM:\\s+(\\d+)/.exec(fs.readFileSync('/proc/self/status', 'latin1'))[1]) / 1024
    const before = peak()
    const out = createWriteStream('/dev/null')
    // 4 GB in all; the write job needs the processor now and then to keep up.
    for (let at = 0; at < 4000; at++) {
      out.write(Buffer.allocUnsafeSlow(1_000_000))
      if (at % 50 === 0) gc()
    }
    const more = peak() - before
    out.end(() => console.log(out.bytesWritten, more < 1000 ? 'let go' : 'hoarded ' + more))`, { args: ['--expose-gc'] })
  expect([code, stdout]).toEqual([0, '4000000000 let go\n'])
})

test('a loop that never yields counts on past 4 GiB', async () => {
  const { code, stdout } = await runScript('spillway', `
    const out = createWriteStream('/dev/null')
    const chunk = Buffer.alloc(64 << 20)
    for (let at = 0; at < 80; at++) out.write(chunk)
    out.end(() => console.log(out.bytesWritten))`)
  expect([code, stdout]).toEqual([0, `${80 * (64 << 20)}\n`])
})

test('streams that are opened, used and closed over and over leave nothing behind', async () => {
  const { code, stdout } = await runScript('spillway', `
    const count = what => fs.readdirSync('/proc/self/' + what).length
    const round = number => new Promise((resolve, reject) => {
      const out = createWriteStream(file)
      out.on('error', error => error.code === 'ERR_STREAM_DESTROYED' || reject(error))
      out.on('close', resolve)
      out.write('x'.repeat(number))
      out.write(Buffer.alloc(number * 100))
      if (number % 3 === 0) out.destroy()
      else out.end()
    })
    async function main () {
      for (let number = 0; number < 200; number++) await round(number)
      gc()
      const before = { fd: count('fd'), heap: process.memoryUsage().heapUsed, threads: count('task') }
      for (let number = 0; number < 2000; number++) await round(number)
      gc()
      // The pool may have got the rest of its four threads meanwhile.
      console.log(count('fd') - before.fd, count('task') <= before.threads + 4, process.memoryUsage().heapUsed < before.heap * 1.5)
    }
    main()`, { args: ['--expose-gc'] })
  expect([code, stdout]).toEqual([0, '0 true true\n'])
})

test('workers that end before their chunks are written leave nothing of them', async () => {
  const { code, stdout } = await runScript('spillway', `
    const { execFileSync } = require('node:child_process')
    const { once } = require('node:events')
    const { Worker, isMainThread } = require('node:worker_threads')
    const fifo = file + '.fifo'
    async function main () {
      execFileSync('mkfifo', [fifo])
      fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
      let before
      for (let number = 0; number < 9; number++) {
        await once(new Worker(__filename), 'exit')
        // The first bring what stays: threads, malloc's arenas.
        if (number === 2) before = process.memoryUsage.rss()
      }
      const more = (process.memoryUsage.rss() - before) / 2 ** 20
      // Of chunks that are left behind it would be hundreds.
      console.log(more < 16 ? 'nothing' : more)
    }
    if (isMainThread) main()
    else {
      const out = createWriteStream(fifo, { exitTimeout: 0 })
      const chunk = Buffer.alloc(16_384)
      for (let at = 0; at < 10_000; at++) out.write(chunk)
      process.exit()
    }`)
  expect([code, stdout]).toEqual([0, 'nothing\n'])
})

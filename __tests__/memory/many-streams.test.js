'use strict'

// Two hundred streams at once: few threads, one descriptor each, every byte in its own file.

const { runScript } = require('../helpers/child.js')

test('200 streams at once, within 256 descriptors and a bounded number of threads', async () => {
  const { code, stdout, stderr } = await runScript('spillway', `
    const { finished } = require('node:stream/promises')
    const count = what => fs.readdirSync('/proc/self/' + what).length
    const before = { threads: count('task'), descriptors: count('fd') }
    const streams = Array.from({ length: 200 }, (_, number) => createWriteStream(file + number))
    const text = number => (String(number) + ' ').repeat(20_000)
    let threads = 0
    streams.forEach((stream, number) => {
      const words = text(number)
      let at = 0
      const go = () => {
        threads = Math.max(threads, count('task'))
        while (at < words.length) {
          const part = words.slice(at, at += 1000)
          if (!stream.write(part)) return stream.once('drain', go)
          if (at % 10_000 === 0) return setImmediate(go)
        }
        stream.end()
      }
      go()
    })
    Promise.all(streams.map(stream => finished(stream))).then(() => {
      const right = streams.filter((stream, number) => fs.readFileSync(file + number, 'latin1') === text(number)).length
      console.log(JSON.stringify({ right, threads: threads - before.threads, descriptors: count('fd') - before.descriptors }))
    })`, { prefix: ['bash', '-c', 'ulimit -n 256; exec "$@"', 'bash'] })
  expect([code, stderr]).toEqual([0, ''])
  const { right, threads, descriptors } = JSON.parse(stdout)
  expect(right).toBe(200)
  // Four that write, one for the reactor, and libuv's own four for what Node does. Where the machine stands still for
  // a moment, calls seem to hang, and others write in their place.
  expect(threads).toBeLessThanOrEqual(9 + 2)
  // epoll and eventfd of the reactor, opened once.
  expect(descriptors).toBeLessThanOrEqual(4)
})

test('100 pipes that nobody reads leave other streams alone, and can be destroyed', async () => {
  const { code, stdout, stderr } = await runScript('spillway', `
    const { execFileSync } = require('node:child_process')
    const { finished } = require('node:stream/promises')
    const names = Array.from({ length: 100 }, (_, number) => file + number)
    execFileSync('mkfifo', names)
    const readers = names.map(name => fs.openSync(name, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK))
    const stuck = names.map(name => createWriteStream(name))
    for (const stream of stuck) stream.on('error', () => {}).write(Buffer.alloc(200_000))
    const free = createWriteStream(file)
    free.write(Buffer.alloc(5_000_000))
    free.end()
    finished(free).then(async () => {
      console.log('free', fs.statSync(file).size)
      console.log('stuck', stuck.every(stream => stream.writableLength > 0))
      const closed = stuck.map(stream => new Promise(resolve => stream.once('close', resolve)))
      for (const stream of stuck) stream.destroy()
      await Promise.all(closed)
      console.log('closed', fs.readdirSync('/proc/self/fd').filter(fd => {
        try { return fs.readlinkSync('/proc/self/fd/' + fd).startsWith(file) } catch { return false }
      }).length - readers.length)
    })`)
  expect([code, stdout, stderr]).toEqual([0, 'free 5000000\nstuck true\nclosed 0\n', ''])
})

test('a slow reader of a non-blocking pipe gets every byte', async () => {
  // Stock gives up after five tries and loses the rest.
  const { code, stdout } = await runScript('spillway', `
    const { execFileSync, spawn } = require('node:child_process')
    execFileSync('mkfifo', [file + '.fifo'])
    const size = 3_000_000
    const reader = spawn('sh', ['-c', 'for i in 1 2 3 4 5 6; do dd bs=100000 count=1 iflag=fullblock 2>/dev/null; sleep 0.02; done; exec cat'], {
      stdio: [fs.openSync(file + '.fifo', 'r+'), 'pipe', 'inherit']
    })
    const fd = fs.openSync(file + '.fifo', fs.constants.O_WRONLY | fs.constants.O_NONBLOCK)
    const out = createWriteStream(null, { fd })
    let read = 0
    reader.stdout.on('data', chunk => {
      read += chunk.length
      if (read === size) { console.log('all'); reader.kill() }
    })
    for (let at = 0; at < size; at += 1000) out.write(Buffer.alloc(1000, 'x'))
    out.end()`)
  expect([code, stdout]).toEqual([0, 'all\n'])
})

test('the reader of a pipe sees its end at finish, though the descriptor stays open', async () => {
  const { code, stdout } = await runScript('spillway', `
    const { execFileSync, spawn } = require('node:child_process')
    execFileSync('mkfifo', [file + '.fifo'])
    const reader = spawn('cat', [file + '.fifo'], { stdio: ['ignore', 'pipe', 'inherit'] })
    reader.stdout.on('data', chunk => console.log(String(chunk)))
    reader.on('exit', () => console.log('end'))
    const fd = fs.openSync(file + '.fifo', 'w')
    const out = createWriteStream(null, { fd, autoClose: false })
    out.end('text', () => fs.closeSync(fd))`)
  expect([code, stdout]).toEqual([0, 'text\nend\n'])
})

/** Memory, in bytes, of each of 2,000 streams that have written a line and rest. */
async function memoryOfIdle (which) {
  const { code, stdout, stderr } = await runScript(which, `
    const { once } = require('node:events')
    const settle = async () => {
      for (let times = 0; times < 3; times++) {
        await new Promise(resolve => setTimeout(resolve, 50))
        gc()
      }
    }
    const open = number => {
      const stream = createWriteStream(file + number)
      stream.write('line of ' + number)
      return once(stream, 'open').then(() => stream)
    }
    async function main () {
      await open('first')
      await settle()
      const before = process.memoryUsage.rss()
      const streams = []
      while (streams.length < 2000) streams.push(await open(streams.length))
      await settle()
      console.log((process.memoryUsage.rss() - before) / streams.length)
    }
    main()`, {
    // How much room V8 leaves for garbage is its own affair.
    args: ['--expose-gc', '--max-semi-space-size=1'],
    prefix: ['bash', '-c', 'ulimit -n 4096; exec "$@"', 'bash']
  })
  expect([code, stderr]).toEqual([0, ''])
  return Number(stdout)
}

test('a stream that rests holds no slab: at most 4 KiB more than stock', async () => {
  const ours = await memoryOfIdle('spillway')
  const stock = await memoryOfIdle('stock')
  console.log(`an idle stream: ${Math.round(ours)} bytes, stock ${Math.round(stock)}`)
  expect(ours - stock).toBeLessThan(4096)
}, 120_000)

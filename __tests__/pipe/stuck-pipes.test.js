'use strict'

// A hundred pipes that nobody reads cost the others nothing, and leave as they came.

const { runScript } = require('../helpers/child.js')

const PIPES = `
  const { execFileSync } = require('node:child_process')
  const { once } = require('node:events')
  const { O_RDONLY, O_NONBLOCK } = fs.constants
  const stuck = []
  const stick = async () => {
    const names = Array.from({ length: 100 }, (_, number) => file + number)
    execFileSync('mkfifo', names)
    for (const name of names) fs.openSync(name, O_RDONLY | O_NONBLOCK)
    stuck.push(...names.map(name => createWriteStream(name).on('error', () => {})))
    for (const stream of stuck) stream.write(Buffer.alloc(200_000))
    await Promise.all(stuck.map(stream => once(stream, 'ready')))
  };`

test('reading, looking up and other streams go on as without them', async () => {
  const { code, stdout, stderr } = await runScript('spillway', `${PIPES}
    const { lookup } = require('node:dns/promises')
    const { finished } = require('node:stream/promises')
    const WORK = {
      stream: async () => {
        const out = createWriteStream(file)
        out.end(Buffer.alloc(2_000_000))
        await finished(out)
      },
      readFile: () => fs.promises.readFile(file),
      lookup: () => lookup('localhost')
    }
    /** The best of ten, in milliseconds: what else the machine does is not asked for. */
    const measure = async () => {
      const times = {}
      for (const [name, work] of Object.entries(WORK)) {
        times[name] = Infinity
        for (let round = 0; round < 10; round++) {
          const start = performance.now()
          await work()
          times[name] = Math.min(times[name], performance.now() - start)
        }
      }
      return times
    }
    const main = async () => {
      const without = await measure()
      await stick()
      const beside = await measure()
      const start = performance.now()
      const closed = stuck.map(stream => new Promise(resolve => stream.once('close', resolve)))
      for (const stream of stuck) stream.destroy()
      await Promise.all(closed)
      console.log(JSON.stringify({ without, beside, destroy: performance.now() - start }))
    }
    main()`)
  expect([code, stderr]).toEqual([0, ''])
  const { without, beside, destroy } = JSON.parse(stdout)
  const slowed = Object.keys(without).filter(name => beside[name] > 10 * without[name])
  expect(slowed).toEqual([])
  console.log(`destroy() of 100 stuck streams, to the last 'close': ${destroy.toFixed(1)} ms`)
})

test('the flags of a descriptor that is shared stay as they were', async () => {
  const { code, stdout, stderr } = await runScript('spillway', `${PIPES}
    const flags = fd => /flags:\\s+(\\d+)/.exec(fs.readFileSync('/proc/self/fdinfo/' + fd, 'latin1'))[1]
    execFileSync('mkfifo', [file + '.fifo'])
    const reader = fs.openSync(file + '.fifo', O_RDONLY | O_NONBLOCK)
    const main = async () => {
      for (const flag of [0, O_NONBLOCK]) {
        const fd = fs.openSync(file + '.fifo', fs.constants.O_WRONLY | flag)
        const before = flags(fd)
        const out = createWriteStream(null, { fd, autoClose: false })
        out.end(Buffer.alloc(100_000))
        // Full, which is when flags might be touched: the pipe holds 64 KiB.
        while (out.bytesWritten < 65536) await new Promise(resolve => setImmediate(resolve))
        const during = flags(fd)
        fs.readSync(reader, Buffer.alloc(65536))
        await once(out, 'finish')
        console.log(before === during, before === flags(fd))
        fs.closeSync(fd)
        fs.readSync(reader, Buffer.alloc(65536))
      }
    }
    main()`)
  expect([code, stdout, stderr]).toEqual([0, 'true true\ntrue true\n', ''])
})

test('within one long write that somebody waits for, bytesWritten tells what the pipe has taken', async () => {
  const { code, stdout, stderr } = await runScript('spillway', `
    const { execFileSync } = require('node:child_process')
    const { O_RDONLY, O_NONBLOCK } = fs.constants
    execFileSync('mkfifo', [file + '.fifo'])
    const reader = fs.openSync(file + '.fifo', O_RDONLY | O_NONBLOCK)
    const main = async () => {
      const out = createWriteStream(file + '.fifo')
      out.write(Buffer.alloc(300_000), () => console.log(out.bytesWritten))
      for (let read = 0, size; read < 300_000; read += size) {
        // The pipe holds 64 KiB.
        while (out.bytesWritten < Math.min(300_000, read + 65536)) await new Promise(resolve => setTimeout(resolve, 1))
        size = fs.readSync(reader, Buffer.alloc(65536))
      }
      out.end()
    }
    main()`)
  expect([code, stdout, stderr]).toEqual([0, '300000\n', ''])
})

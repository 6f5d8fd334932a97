'use strict'

// A crowd of streams that hold little is told to V8 as little: it collects
// garbage the more often, the more memory it believes to be in use.

const fs = require('node:fs')
const { runScript } = require('../helpers/child.js')

const COUNT = 3000

/** Each stream has a descriptor while bytes are under way. */
const limit = process.platform === 'linux' ? Number(/Max open files\s+\d+\s+(\d+)/.exec(fs.readFileSync('/proc/self/limits', 'latin1'))?.[1] ?? Infinity) : 0
const testWithDescriptors = limit > COUNT + 1000 ? test : test.skip

/** What V8 is told, in MiB, when many streams into a pipe that nobody reads hold 100 bytes each, and how often it collects garbage meanwhile. */
async function hold (which) {
  const { code, stdout } = await runScript(which, `
    const { execFileSync } = require('node:child_process')
    const { PerformanceObserver } = require('node:perf_hooks')
    let collections = 0
    new PerformanceObserver(list => { collections += list.getEntries().length }).observe({ entryTypes: ['gc'] })
    const fifo = file + '.fifo'
    execFileSync('mkfifo', [fifo])
    fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    const fd = fs.openSync(fifo, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK)
    fs.writeSync(fd, Buffer.alloc(65536))
    const before = process.memoryUsage()
    const outs = Array.from({ length: given.count }, () => createWriteStream(null, { fd, autoClose: false, exitTimeout: 0 }).on('error', () => {}))
    for (const out of outs) out.write('x'.repeat(100))
    setImmediate(() => setImmediate(() => {
      const after = process.memoryUsage()
      fs.writeSync(1, JSON.stringify({ collections, told: (after.external + after.arrayBuffers - before.external - before.arrayBuffers) / 2 ** 20 }))
      // No time for warnings of what is lost.
      process.reallyExit(0)
    }))`, { values: { count: COUNT }, args: ['--no-warnings'] })
  expect(code).toBe(0)
  return JSON.parse(stdout)
}

testWithDescriptors('three thousand stuck streams of 100 bytes', async () => {
  const [stock, ours] = [await hold('stock'), await hold('spillway')]
  // 16 MiB until they are a crowd, then a page for each: less than 11 KiB for each of them. Whole slabs are 188 MiB.
  expect(ours.told - stock.told).toBeLessThan(32)
  // With whole slabs it is half as many again.
  expect(ours.collections).toBeLessThanOrEqual(stock.collections + 2)
})

'use strict'

// Crowds: thousands of streams at once, and workers that come and die in dozens.
// SPILLWAY_ROUNDS=20 has as many rounds of workers.

const { execFileSync } = require('node:child_process')
const { runScript } = require('../helpers/child.js')

const ROUNDS = Number(process.env.SPILLWAY_ROUNDS ?? 1)
const DESCRIPTORS = 12_000
const hardLimit = execFileSync('bash', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim()
const mayOpen = hardLimit === 'unlimited' || Number(hardLimit) >= DESCRIPTORS

const testIfMany = mayOpen ? test : test.skip

testIfMany(`5,000 streams at once, each with its own bytes${mayOpen ? '' : ` (skipped: at most ${hardLimit} descriptors may be open)`}`, async () => {
  const { code, stdout, stderr } = await runScript('spillway', `
    const { once } = require('node:events')
    const { finished } = require('node:stream/promises')
    const COUNT = 5000
    const count = what => fs.readdirSync('/proc/self/' + what).length
    const part = (number, at) => (number + '.' + at + ' ').repeat(number % 97)
    async function main () {
      const before = count('fd')
      const streams = Array.from({ length: COUNT }, (_, number) => createWriteStream(file + number))
      const opened = streams.map(stream => once(stream, 'open'))
      streams.forEach((stream, number) => stream.write(part(number, 0)))
      await Promise.all(opened)
      const open = count('fd') - before
      for (let at = 1; at < 4; at++) streams.forEach((stream, number) => stream.write(part(number, at)))
      streams.forEach((stream, number) => stream.end(Buffer.alloc(number % 7 === 0 ? 20_000 : 10, String(number))))
      await Promise.all(streams.map(stream => finished(stream)))
      const text = number => [0, 1, 2, 3].map(at => part(number, at)).join('') + Buffer.alloc(number % 7 === 0 ? 20_000 : 10, String(number))
      const wrong = streams.filter((stream, number) => fs.readFileSync(file + number, 'latin1') !== text(number)).length
      // epoll and eventfd of the reactor stay.
      console.log(JSON.stringify({ allOpen: open >= COUNT, wrong, left: count('fd') - before <= 4 }))
    }
    main()`, { prefix: ['bash', '-c', `ulimit -n ${DESCRIPTORS}; exec "$@"`, 'bash'] })
  expect([code, stderr]).toEqual([0, ''])
  expect(JSON.parse(stdout)).toEqual({ allOpen: true, wrong: 0, left: true })
}, 120_000)

test(`50 workers that load the addon, write and die, ${ROUNDS + 1} rounds: all is written, nothing is left`, async () => {
  const { code, stdout, stderr } = await runScript('spillway', `
    const { once } = require('node:events')
    const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads')
    const count = what => fs.readdirSync('/proc/self/' + what).length
    const SIZE = 300_000
    const round = () => Promise.all(Array.from({ length: 50 }, async (_, number) => {
      const name = file + number
      const worker = new Worker(__filename, { workerData: { name, exits: number % 2 === 0 } })
      const exited = once(worker, 'exit')
      if (number % 2 === 1) {
        await once(worker, 'message')
        worker.terminate()
      }
      await exited
      const isRight = fs.readFileSync(name, 'latin1') === 'x'.repeat(SIZE)
      fs.unlinkSync(name)
      return isRight
    }))
    const take = () => {
      gc()
      return { descriptors: count('fd'), threads: count('task'), memory: process.memoryUsage.rss() }
    }
    // A thread that finds its next job by itself leaves others unmade: long jobs, all at once, have the pool made whole.
    const fillPool = () => Promise.all(Array.from({ length: 16 }, async (_, number) => {
      const out = createWriteStream(file + 'pool' + number)
      await once(out, 'open')
      out.end(Buffer.alloc(8_000_000))
      await once(out, 'close')
      fs.unlinkSync(file + 'pool' + number)
    }))
    async function main () {
      let wrong = 0
      let first
      await fillPool()
      // The first brings what stays: the threads of the pools, malloc's arenas.
      for (let number = 0; number <= given.rounds; number++) {
        wrong += (await round()).filter(isRight => !isRight).length
        if (number === 0) first = take()
      }
      const last = take()
      console.log(JSON.stringify({ wrong, descriptors: last.descriptors - first.descriptors, threads: last.threads - first.threads, memory: last.memory - first.memory }))
    }
    if (isMainThread) main()
    else {
      const out = createWriteStream(workerData.name)
      for (let at = 0; at < SIZE; at += 100) out.write('x'.repeat(100))
      if (workerData.exits) process.exit(0)
      // Before that Rust does not know which file it is to be.
      out.once('open', () => parentPort.postMessage('written'))
      // A stream that nobody holds may be collected, and leaves its descriptor open.
      setInterval(() => out, 1000)
    }`, { args: ['--expose-gc'], values: { rounds: ROUNDS } })
  expect([code, stderr]).toEqual([0, ''])
  const { wrong, descriptors, threads, memory } = JSON.parse(stdout)
  console.log(`${ROUNDS + 1} rounds: ${(memory / 2 ** 20).toFixed(1)} MiB more than after the first`)
  expect([wrong, descriptors]).toEqual([0, 0])
  // A pool gets a thread more where its threads hang on a slow machine: fifty that stayed would show.
  expect(threads).toBeLessThan(25)
  // A worker takes some 5 MiB: fifty that stayed would show. What the collector leaves came to 74 MiB.
  expect(memory).toBeLessThan(128 * 2 ** 20)
}, 600_000)

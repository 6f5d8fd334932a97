'use strict'

// Streams in worker threads.

const { runScript } = require('../helpers/child.js')

test('workers write, end and die, and the process goes on', async () => {
  const { code, stdout, stderr } = await runScript('spillway', `
    const { Worker, isMainThread, workerData } = require('node:worker_threads')
    const { once } = require('node:events')
    if (isMainThread) {
      (async () => {
        for (let round = 0; round < 3; round++) {
          const workers = Array.from({ length: 8 }, (_, number) => new Worker(__filename, { workerData: file + number }))
          await Promise.all(workers.map(worker => once(worker, 'exit')))
        }
        const sizes = Array.from({ length: 8 }, (_, number) => fs.statSync(file + number).size)
        console.log(sizes.every(size => size === 1_000_000))
      })()
    } else {
      const out = createWriteStream(workerData)
      for (let at = 0; at < 10_000; at++) out.write('x'.repeat(100))
      if (workerData.endsWith('3')) process.exit()
      out.end()
    }`)
  expect([code, stdout, stderr]).toEqual([0, 'true\n', ''])
})

test('a worker alone loads the addon and ends', async () => {
  const { code, stdout } = await runScript('spillway', `
    console.log('main')
    const { Worker } = require('node:worker_threads')
    new Worker(\`require(\${JSON.stringify(given.module)}).createWriteStream(\${JSON.stringify(file)}).end('x')\`, { eval: true })
      .on('exit', () => console.log(fs.readFileSync(file, 'latin1')))`.replace('const { createWriteStream }', ''))
  expect([code, stdout]).toEqual([0, 'main\nx\n'])
})

test.each(['x', ''])('a worker that is terminated in a run loses nothing of it behind a first chunk %p', async first => {
  const { code, stdout, stderr } = await runScript('spillway', `
    const { Worker, isMainThread, workerData } = require('node:worker_threads')
    const { once } = require('node:events')
    const LINE = 'a line\\n'
    if (isMainThread) {
      const count = new Int32Array(new SharedArrayBuffer(4))
      const worker = new Worker(__filename, { workerData: { file, count } })
      const watch = () => Atomics.load(count, 0) < 1000 ? setImmediate(watch) : worker.terminate()
      watch()
      once(worker, 'exit').then(() => {
        const lines = (fs.statSync(file).size - given.first.length) / LINE.length
        // The one that JavaScript was in may be there.
        console.log(lines - count[0] === 0 || lines - count[0] === 1 || [lines, count[0]])
      })
    } else {
      const out = createWriteStream(workerData.file)
      once(out, 'ready').then(() => {
        out.write(given.first)
        for (;;) {
          out.write(LINE)
          Atomics.add(workerData.count, 0, 1)
        }
      })
    }`, { values: { first } })
  expect([code, stderr, stdout]).toEqual([0, '', 'true\n'])
})

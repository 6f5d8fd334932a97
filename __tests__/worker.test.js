'use strict'

// Streams in worker threads.

const { runScript } = require('./helpers/child.js')

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

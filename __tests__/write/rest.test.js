'use strict'

// Who waits for nothing that Rust could bring costs no turns of the event loop.

const { runScript } = require('../helpers/child.js')

for (const which of ['stock', 'spillway']) {
  test(`a stream that is corked beyond its mark does not keep the process alive: ${which}`, async () => {
    const { code, stdout, stderr } = await runScript(which, `
      const out = createWriteStream(file, { highWaterMark: 10 })
      out.write('first', () => {
        out.cork()
        console.log(out.write('more than the mark'))
        setTimeout(() => process.exit(3), 10_000).unref()
      })`)
    expect([code, stdout, stderr]).toEqual([0, 'false\n', ''])
  })
}

test('a callback that a full pipe keeps waiting is waited for asleep, whatever the lowWaterMark', async () => {
  const { code, stdout, stderr } = await runScript('spillway', `
    const { execFileSync } = require('node:child_process')
    const { eventLoopUtilization } = require('node:perf_hooks').performance
    execFileSync('mkfifo', [file])
    const reader = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    const out = createWriteStream(file, { lowWaterMark: 1_000_000, exitTimeout: 0 })
    out.on('ready', () => {
      out.write(Buffer.alloc(500_000), () => {})
      const start = eventLoopUtilization()
      setTimeout(() => {
        console.log(eventLoopUtilization(start).utilization)
        fs.closeSync(reader)
        fs.unlinkSync(file)
        process.reallyExit(0)
      }, 300)
    })`)
  expect([code, stderr]).toEqual([0, ''])
  expect(Number(stdout)).toBeLessThan(0.5)
})

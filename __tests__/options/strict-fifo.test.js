'use strict'

// A stream that is over its budget writes what it took before it fails. Into a
// FIFO that nobody reads it never can: then destroy() is to end it.

const { runScript } = require('../helpers/child.js')

const WAYS = {
  'in the same run': 'out.destroy()',
  'in the next tick': 'process.nextTick(() => out.destroy())',
  'in a later turn': 'setImmediate(() => setImmediate(() => out.destroy()))',
  'with an error': "setImmediate(() => out.destroy(new Error('mine')))",
  twice: 'setImmediate(() => { out.destroy(); out.destroy() })',
  'by its signal': 'setImmediate(() => controller.abort())'
}

test.each(Object.keys(WAYS))('over its budget and before a reader, a FIFO is given up: destroyed %s', async way => {
  const { code, stdout, stderr } = await runScript('spillway', `
    require('node:child_process').execFileSync('mkfifo', [file + '.fifo'])
    const controller = new AbortController()
    const out = createWriteStream(file + '.fifo', { backpressure: 'strict', budget: 20, highWaterMark: 10, signal: controller.signal })
    out.on('error', ({ code }) => console.log(code))
    out.on('close', () => console.log('closed'))
    out.write('x'.repeat(15))
    out.write('y'.repeat(15))
    ${WAYS[way]}`, { prefix: ['timeout', '20'] })
  expect([code, stdout, stderr]).toEqual([0, 'ERR_OUT_OF_RANGE\nclosed\n', ''])
})

test('over its budget, a FIFO without a reader does not keep process.exit() from its end', async () => {
  const { code, stderr } = await runScript('spillway', `
    require('node:child_process').execFileSync('mkfifo', [file + '.fifo'])
    const out = createWriteStream(file + '.fifo', { backpressure: 'strict', budget: 20, highWaterMark: 10, exitTimeout: 0 })
    out.on('error', () => {})
    out.write('x'.repeat(15))
    out.write('y'.repeat(15))
    setImmediate(() => process.exit(4))`, { prefix: ['timeout', '20'] })
  expect([code, stderr]).toEqual([4, expect.stringMatching(/SpillwayWarning: 15 bytes/)])
})

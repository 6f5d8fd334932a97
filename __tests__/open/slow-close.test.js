'use strict'

// A close(2) that takes long, as that of a file server may: the JavaScript thread does not wait for it.

const { runScript } = require('../helpers/child.js')
const { testWithFaults, inject } = require('../helpers/strace.js')

/** How long each close of the file takes, in milliseconds. */
const DELAY = 1000

testWithFaults('turns go on while descriptors are closed', async () => {
  const { code, stdout } = await runScript('spillway', `
    let last = performance.now()
    let longest = 0
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 10)
    const fd = fs.openSync(file, 'w')
    const end = fd => new Promise(resolve => createWriteStream(null, { fd }).end('text', () => {}).once('close', resolve))
    const start = performance.now()
    end(fd).then(() => {
      clearInterval(timer)
      console.log(longest < ${DELAY} / 2, performance.now() - start >= ${DELAY})
    })`, { prefix: inject('close', `delay_enter=${DELAY * 1000}`) })
  expect([code, stdout]).toEqual([0, 'true true\n'])
})

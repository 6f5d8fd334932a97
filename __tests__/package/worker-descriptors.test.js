'use strict'

// Descriptors that streams of a worker have opened: closed once, by whoever closes them.

const { runScript } = require('../helpers/child.js')

/** How a worker has the descriptor closed: its options, and what it does at 'finish'. */
const WAYS = {
  'by the stream': ['{}', 'out.once("close", done)'],
  'by fs.closeSync()': ['{ autoClose: false }', 'fs.closeSync(out.fd); done()'],
  'by a custom fs': ['{ fs: { ...fs, close: fs.close } }', 'out.once("close", done)'],
  'by a custom close()': ['{ fs: { ...fs, close: (fd, callback) => { fs.closeSync(fd); process.nextTick(callback) } } }', 'out.once("close", done)']
}

describe.each(['stock', 'spillway'])('%s', which => {
  test.each(Object.entries(WAYS))('a descriptor that was closed %s is not closed again when the worker ends', async (_, [options, close]) => {
    const { code, stdout, stderr } = await runScript(which, `
      const { Worker, isMainThread, parentPort } = require('node:worker_threads')
      if (isMainThread) {
        const worker = new Worker(__filename)
        worker.once('message', number => {
          const others = []
          // The number belongs to the main thread now.
          while (!others.includes(number)) others.push(fs.openSync(file + others.length, 'w'))
          worker.terminate().then(() => {
            for (const fd of others) fs.writeSync(fd, 'other')
            console.log('done')
          })
        })
      } else {
        const out = createWriteStream(file, ${options})
        let number
        const done = () => parentPort.postMessage(number)
        out.end('text')
        out.once('finish', () => {
          number = out.fd
          ${close}
        })
        setInterval(() => {}, 1000)
      }`)
    expect([code, stderr, stdout]).toEqual([0, '', 'done\n'])
  })

  test('a worker that ends leaves no descriptor open', async () => {
    const { code, stdout, stderr } = await runScript(which, `
      const { Worker, isMainThread, parentPort } = require('node:worker_threads')
      if (isMainThread) {
        const before = fs.readdirSync('/proc/self/fd').length
        const worker = new Worker(__filename)
        worker.once('message', () => worker.terminate().then(() => {
          const open = fs.readdirSync('/proc/self/fd').filter(fd => { try { return fs.readlinkSync('/proc/self/fd/' + fd).startsWith(file) } catch { return false } })
          console.log(open.length)
        }))
      } else {
        const outs = Array.from({ length: 20 }, (_, at) => createWriteStream(file + at))
        Promise.all(outs.map(out => new Promise(resolve => out.write('text', resolve)))).then(() => parentPort.postMessage('written'))
      }`)
    expect([code, stderr, stdout]).toEqual([0, '', '0\n'])
  })
})

'use strict'

// Every callback is called, and called once, however late its write or its end comes.

const fs = require('node:fs')
const { sameAsStock, closed, opened, turns } = require('../helpers/same-as-stock.js')

const CALLS = {
  'end(callback)': (stream, tell) => stream.end(tell('end')),
  'end(chunk, callback)': (stream, tell) => stream.end('z', tell('end')),
  'write(chunk, callback)': (stream, tell) => stream.write('z', tell('write')),
  'write() and end()': (stream, tell) => {
    stream.write('z', tell('write'))
    stream.end(tell('end'))
  },
  'two of end(callback)': (stream, tell) => {
    stream.end(tell('end'))
    stream.end(tell('end too'))
  },
  'cork(), write() and end()': (stream, tell) => {
    stream.cork()
    stream.write('z', tell('write'))
    stream.end(tell('end'))
  }
}

/** Callbacks that log what they are told, whatever else goes on at that time. */
const teller = run => name => error => run.log(name, error?.code)

const BIG = Buffer.alloc(200_000)

for (const autoClose of [true, false]) {
  const make = (run, options) => {
    run.comparesBytes = false
    const stream = run.createWriteStream(run.path, { autoClose, highWaterMark: 1_000_000, ...options })
    return stream.on('error', error => run.log('error', error.code))
  }

  for (const [name, call] of Object.entries(CALLS)) {
    for (const when of ['before open', 'after open']) {
      for (const load of ['idle', 'with bytes waiting']) {
        const title = `${name}, ${when}, ${load}, autoClose ${autoClose}`

        const start = async run => {
          const stream = make(run)
          if (when === 'after open') await opened(stream)
          if (load !== 'idle') {
            stream.write(BIG, teller(run)('first'))
            stream.write('b', teller(run)('second'))
          }
          return stream
        }

        sameAsStock(`destroy() and then ${title}`, async run => {
          const stream = await start(run)
          stream.destroy()
          call(stream, teller(run))
          await closed(stream)
          await turns(5)
        })

        sameAsStock(`destroy(error) and then ${title}`, async run => {
          const stream = await start(run)
          stream.destroy(Object.assign(new Error('mine'), { code: 'MINE' }))
          call(stream, teller(run))
          await closed(stream)
          await turns(5)
        })

        sameAsStock(`destroy() and, when it is closed, ${title}`, async run => {
          const stream = await start(run)
          stream.destroy()
          await closed(stream)
          call(stream, teller(run))
          await turns(5)
        })
      }
    }

    sameAsStock(`${name} in the callback of a write that failed, autoClose ${autoClose}`, async run => {
      fs.writeFileSync(run.path, 'there before')
      const stream = make(run, { flags: 'r' })
      await new Promise(resolve => stream.write('a', error => {
        run.log('a', error.code)
        call(stream, teller(run))
        resolve()
      }))
      await turns(10)
      stream.destroy()
      await closed(stream)
    })

    sameAsStock(`${name} in the 'error' of a write that failed, autoClose ${autoClose}`, async run => {
      fs.writeFileSync(run.path, 'there before')
      const stream = make(run, { flags: 'r' })
      stream.write('a', teller(run)('a'))
      stream.write('b', teller(run)('b'))
      await new Promise(resolve => stream.once('error', () => {
        call(stream, teller(run))
        resolve()
      }))
      await turns(10)
      stream.destroy()
      await closed(stream)
    })

    sameAsStock(`destroy() and ${name} in a callback, autoClose ${autoClose}`, async run => {
      const stream = make(run)
      await opened(stream)
      stream.write('a', error => {
        run.log('a', error)
        stream.destroy()
        call(stream, teller(run))
      })
      stream.write(BIG, teller(run)('b'))
      await closed(stream)
      await turns(5)
    })

    sameAsStock(`${name} in the callback of a write that destroy() has cut, autoClose ${autoClose}`, async run => {
      const stream = make(run)
      await opened(stream)
      stream.write(BIG, error => {
        run.log('a', error?.code)
        call(stream, teller(run))
      })
      stream.destroy()
      await closed(stream)
      await turns(5)
    })

    sameAsStock(`${name} in a callback, autoClose ${autoClose}`, async run => {
      const stream = make(run)
      stream.write('a', error => {
        run.log('a', error)
        call(stream, teller(run))
        stream.end()
      })
      await new Promise(resolve => stream.once('finish', resolve))
      stream.destroy()
      await closed(stream)
      await turns(5)
    })
  }
}

'use strict'

// Callbacks and listeners run in the async context in which stock runs them: loggers
// and tracers know by it which request they are about.

const { AsyncLocalStorage, AsyncResource } = require('node:async_hooks')
const fs = require('node:fs')
const { PassThrough, Readable, finished, pipeline } = require('node:stream')
const { sameAsStock, closed, opened } = require('../helpers/same-as-stock.js')

const EVENTS = ['open', 'ready', 'drain', 'prefinish', 'finish', 'close', 'error', 'pipe', 'unpipe']

/** Logs in which store of `als` things happen, those of each name by themselves: two streams race. */
class Stores {
  constructor (run) {
    this.run = run
    this.als = new AsyncLocalStorage()
    this.seen = {}
  }

  note (name, what) {
    (this.seen[name] ??= []).push([what, this.als.getStore()])
  }

  callback (name, what) {
    return error => this.note(name, [what, error?.code])
  }

  watch (name, stream) {
    for (const event of EVENTS) stream.on(event, () => this.note(name, event))
    return stream
  }

  create (name, options, file = `${this.run.path}.${name}`) {
    return this.watch(name, this.run.createWriteStream(file, { highWaterMark: 16, ...options }))
  }

  done () {
    this.run.log(this.seen)
  }
}

/** A file that takes no bytes. */
function readOnly ({ path }) {
  fs.writeFileSync(path, 'there before')
  return [{ flags: 'r' }, path]
}

/** A test of what happens in which store. */
function sameStores (name, script) {
  sameAsStock(name, async run => {
    const stores = new Stores(run)
    await script(stores, run)
    stores.done()
  })
}

const LONG = 'x'.repeat(20)

sameStores('two requests, each with its stream', async stores => {
  const streams = ['one', 'two'].map(id => stores.als.run(id, () => {
    const stream = stores.create(id)
    stream.write(LONG, stores.callback(id, 'a'))
    stream.write(LONG, stores.callback(id, 'b'))
    return stream
  }))
  await Promise.all(streams.map(stream => new Promise(resolve => stream.once('drain', resolve))))
  streams.forEach((stream, at) => stores.als.run(['one', 'two'][at], () => {
    stream.write(LONG, stores.callback(['one', 'two'][at], 'c'))
    stream.end(LONG, stores.callback(['one', 'two'][at], 'end'))
  }))
  await Promise.all(streams.map(closed))
})

sameStores('two requests that take turns', async stores => {
  const work = async id => {
    const stream = stores.create(id)
    for (let count = 0; count < 10; count++) {
      await new Promise(resolve => stream.write(LONG, error => {
        stores.note(id, [count, error])
        resolve()
      }))
      stores.note(id, 'behind it')
    }
    stream.end(stores.callback(id, 'end'))
    await closed(stream)
    stores.note(id, 'behind all')
  }
  await Promise.all(['one', 'two', 'three'].map(id => stores.als.run(id, work, id)))
})

sameStores('a hundred requests at once', async stores => {
  const work = async id => {
    const stream = stores.create(id)
    stream.write(LONG, stores.callback(id, 'a'))
    stream.end(LONG, stores.callback(id, 'end'))
    await closed(stream)
  }
  await Promise.all(Array.from({ length: 100 }, (_, id) => stores.als.run(id, work, id)))
})

for (const when of ['before open', 'after open']) {
  const start = async (stores, options) => {
    const stream = stores.als.run('maker', () => stores.create('shared', options))
    if (when === 'after open') await opened(stream)
    return stream
  }

  sameStores(`many requests into one stream, ${when}`, async stores => {
    const stream = await start(stores)
    for (const id of ['one', 'two', 'three', 'four']) {
      stores.als.run(id, () => {
        stream.write(id, stores.callback('shared', `${id} a`))
        stream.write(Buffer.alloc(20_000, id), stores.callback('shared', `${id} b`))
      })
    }
    stores.als.run('ender', () => stream.end('end', stores.callback('shared', 'end')))
    await closed(stream)
  })

  sameStores(`many requests into one stream that is drained in between, ${when}`, async stores => {
    const stream = await start(stores)
    for (const id of ['one', 'two', 'three', 'four']) {
      await stores.als.run(id, async () => {
        stream.write(LONG, stores.callback('shared', id))
        await new Promise(resolve => stream.once('drain', resolve))
        stores.note('shared', 'behind drain')
      })
    }
    stores.als.run('ender', () => stream.end(stores.callback('shared', 'end')))
    await closed(stream)
  })

  sameStores(`requests that write without a callback between others that have one, ${when}`, async stores => {
    const stream = await start(stores)
    stores.als.run('silent', () => stream.write(LONG))
    stores.als.run('one', () => stream.write('one', stores.callback('shared', 'one')))
    stores.als.run('silent too', () => stream.write(LONG))
    stores.als.run('two', () => stream.write('two', stores.callback('shared', 'two')))
    await new Promise(resolve => stream.once('drain', resolve))
    stores.als.run('ender', () => stream.end())
    await closed(stream)
  })

  sameStores(`who writes in a callback, ${when}`, async stores => {
    const stream = await start(stores)
    stores.als.run('one', () => stream.write('a', () => {
      stores.note('shared', 'a')
      stores.als.run('two', () => stream.write('b', stores.callback('shared', 'b')))
      stream.write('c', stores.callback('shared', 'c'))
      stores.als.run('ender', () => stream.end(stores.callback('shared', 'end')))
    }))
    stores.als.run('three', () => stream.write('d', stores.callback('shared', 'd')))
    await closed(stream)
  })

  sameStores(`cork and uncork, ${when}`, async stores => {
    const stream = await start(stores)
    stores.als.run('corker', () => stream.cork())
    for (const id of ['one', 'two']) stores.als.run(id, () => stream.write(LONG, stores.callback('shared', id)))
    stores.als.run('uncorker', () => stream.uncork())
    await new Promise(resolve => stream.once('drain', resolve))
    stores.als.run('ender', () => stream.end())
    await closed(stream)
  })

  sameStores(`destroy, ${when}`, async stores => {
    const stream = await start(stores)
    stores.als.run('one', () => stream.write('a', stores.callback('shared', 'a')))
    stores.als.run('two', () => stream.write('b', stores.callback('shared', 'b')))
    stores.als.run('destroyer', () => stream.destroy(Object.assign(new Error('mine'), { code: 'MINE' })))
    stores.als.run('late', () => stream.write('c', stores.callback('shared', 'c')))
    await closed(stream)
  })
}

sameStores('a write that fails', async (stores, run) => {
  const stream = stores.als.run('maker', () => stores.create('failing', ...readOnly(run)))
  stores.als.run('one', () => stream.write('a', stores.callback('failing', 'a')))
  stores.als.run('two', () => stream.write('b', stores.callback('failing', 'b')))
  stores.als.run('ender', () => stream.end(stores.callback('failing', 'end')))
  await closed(stream)
})

sameStores('a write that fails, autoClose: false', async (stores, run) => {
  const [options, file] = readOnly(run)
  const stream = stores.als.run('maker', () => stores.create('failing', { ...options, autoClose: false }, file))
  await opened(stream)
  stores.als.run('one', () => stream.write('a', stores.callback('failing', 'a')))
  await new Promise(resolve => stream.once('error', resolve))
  stores.als.run('destroyer', () => stream.destroy())
  await closed(stream)
})

sameStores('a file that cannot be opened', async stores => {
  const stream = stores.als.run('maker', () => stores.create('missing', {}, '/missing/file'))
  stores.als.run('one', () => stream.write('a', stores.callback('missing', 'a')))
  await closed(stream)
})

sameStores('a descriptor that is given', async (stores, run) => {
  const fd = fs.openSync(run.path, 'w')
  const stream = stores.als.run('maker', () => stores.watch('given', run.createWriteStream(null, { fd, highWaterMark: 16 })))
  stores.als.run('one', () => stream.write(LONG, stores.callback('given', 'a')))
  await new Promise(resolve => stream.once('drain', resolve))
  stores.als.run('two', () => stream.end(LONG, stores.callback('given', 'b')))
  await closed(stream)
})

sameStores('finished() and pipeline()', async (stores, run) => {
  // How often it drains is a matter of time. So is, of a file that is piped, whether it is read to its end before
  // it is written, and whose turn ends the stream: what that calls is heard of by the first alone.
  const work = (id, source, isOwn) => new Promise(resolve => {
    const stream = run.createWriteStream(`${run.path}.${id}`)
    for (const event of isOwn ? ['open', 'pipe', 'finish', 'close'] : ['open', 'pipe']) stream.on(event, () => stores.note(id, event))
    if (isOwn) finished(stream, stores.callback(id, 'finished'))
    pipeline(source, stream, error => {
      if (isOwn) stores.note(id, ['pipeline', error])
      resolve(closed(stream))
    })
  })
  await Promise.all([
    stores.als.run('request 0', work, 0, Readable.from(['a', 'b', LONG]), true),
    stores.als.run('request 1', work, 1, fs.createReadStream(__filename), false)
  ])
})

sameStores('pipe() from another request', async stores => {
  const source = stores.als.run('source', () => new PassThrough())
  const stream = stores.als.run('maker', () => stores.create('piped'))
  stores.als.run('piper', () => source.pipe(stream))
  stores.als.run('writer', () => source.write(LONG))
  await new Promise(resolve => stream.once('drain', resolve))
  stores.als.run('ender', () => source.end(LONG))
  await closed(stream)
})

sameStores('a callback that is bound to its request', async stores => {
  const stream = stores.create('bound')
  for (const id of ['one', 'two', 'three']) {
    stores.als.run(id, () => stream.write(id, AsyncResource.bind(stores.callback('bound', id))))
  }
  stream.end()
  await closed(stream)
})

sameStores('enterWith()', async stores => {
  const stream = stores.create('entered')
  await opened(stream)
  stores.als.enterWith('one')
  stream.write(LONG, () => {
    stores.note('entered', 'a')
    stores.als.enterWith('two')
    stream.write(LONG, stores.callback('entered', 'b'))
  })
  stream.write(LONG, stores.callback('entered', 'c'))
  stores.als.enterWith('three')
  await new Promise(resolve => stream.once('drain', resolve))
  stream.end()
  await closed(stream)
})

sameStores('what a callback queues', async stores => {
  const stream = stores.als.run('maker', () => stores.create('queue'))
  await opened(stream)
  await Promise.all(['one', 'two'].map(id => stores.als.run(id, () => new Promise(resolve => stream.write(id, () => {
    process.nextTick(() => stores.note('queue', `${id} tick`))
    Promise.resolve().then(() => stores.note('queue', `${id} microtask`))
    setImmediate(() => {
      // Whether a turn lies between the two writes is a matter of time.
      stores.note(`turn of ${id}`, 'turn')
      resolve()
    })
  })))))
  stream.end()
  await closed(stream)
})

sameStores('a stream that rests between two requests', async stores => {
  const stream = stores.als.run('maker', () => stores.create('resting'))
  for (const id of ['one', 'two', 'three']) {
    await stores.als.run(id, () => new Promise(resolve => stream.write(LONG, error => {
      stores.note('resting', [id, error])
      resolve()
    })))
    for (let count = 0; count < 20; count++) await new Promise(resolve => setImmediate(resolve))
  }
  stores.als.run('ender', () => stream.end())
  await closed(stream)
})

'use strict'

// Opening: paths, flags, modes, descriptors, and what can't be opened.

const fs = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const spillway = require('../..')
const { Run, sameAsStock, closed, opened } = require('../helpers/same-as-stock.js')

const PATHS = {
  string: file => file,
  Buffer: file => Buffer.from(file),
  URL: file => pathToFileURL(file)
}

for (const [name, to] of Object.entries(PATHS)) {
  sameAsStock(`a path as ${name}`, async run => {
    const stream = run.create({}, to(run.path))
    run.log(String(stream.path).replace(run.folder, ''), typeof stream.path, stream.flags, stream.mode, stream.fd, stream.start, stream.autoClose)
    stream.end('x')
    await closed(stream)
    run.log(stream.fd, stream.pending)
  })
}

sameAsStock('a path with spaces, umlauts and a newline', async run => {
  run.path = path.join(run.folder, 'ä b\nc')
  const stream = run.create()
  stream.end('x')
  await closed(stream)
})

for (const bad of ['a\0b', 7, null, {}, true, new URL('http://localhost/x')]) {
  sameAsStock(`a path of ${String(bad) || 'nothing'} is refused`, async run => {
    run.call('create', () => run.create({}, bad))
  })
}

sameAsStock('an empty path', async run => {
  const stream = run.create({}, '')
  stream.write('x', run.callback('x'))
  await closed(stream)
})

for (const flags of ['w', 'wx', 'w+', 'a', 'ax', 'a+', 'as', 'r+', 'rs+', 'r', 'xw', 'sa', fs.constants.O_WRONLY, fs.constants.O_WRONLY | fs.constants.O_CREAT, 'q', '', null, {}, 1.5]) {
  for (const exists of [true, false]) {
    sameAsStock(`flags ${JSON.stringify(flags)} of a file that ${exists ? 'exists' : 'is not there'}`, async run => {
      if (exists) fs.writeFileSync(run.path, 'there before')
      const stream = run.call('create', () => run.create({ flags }))
      if (stream === undefined) return
      stream.write('new', run.callback('new'))
      stream.end('er', run.callback('end'))
      await closed(stream)
    })
  }
}

for (const mode of [0o600, 0o640, 0o666, 0o777, '600', 'x', -1, 1.5, null]) {
  sameAsStock(`mode ${JSON.stringify(mode)}`, async run => {
    const stream = run.call('create', () => run.create({ mode }))
    if (stream === undefined) return
    stream.end('x')
    await closed(stream)
    if (fs.existsSync(run.path)) run.log((fs.statSync(run.path).mode & 0o777).toString(8))
  })
}

const BAD_PLACES = {
  'a missing folder': run => path.join(run.folder, 'missing', 'file'),
  'a folder as path': run => run.folder,
  'a file as folder': run => {
    fs.writeFileSync(path.join(run.folder, 'plain'), '')
    return path.join(run.folder, 'plain', 'file')
  },
  'a name too long': run => path.join(run.folder, 'x'.repeat(300)),
  'no permission': () => '/proc/version'
}

for (const [name, place] of Object.entries(BAD_PLACES)) {
  for (const autoClose of [true, false]) {
    sameAsStock(`${name}, autoClose ${autoClose}`, async run => {
      const stream = run.create({ autoClose }, place(run))
      run.call('write', () => stream.write('a', run.callback('a', stream)))
      run.call('write', () => stream.write('b', run.callback('b', stream)))
      stream.end('c', run.callback('end', stream))
      await new Promise(resolve => stream.once(autoClose ? 'close' : 'error', resolve))
    })
  }
}

sameAsStock('a Buffer as path of what can\'t be opened, with bytes that are no UTF-8', async run => {
  const stream = run.create({}, Buffer.concat([Buffer.from(path.join(run.folder, 'missing', 'ä')), Buffer.from([0xff])]))
  stream.on('error', ({ stack }) => run.log(stack.replaceAll(run.folder, '')))
  stream.write('x', run.callback('x', stream))
  await closed(stream)
})

sameAsStock('a folder that is made before the next tick', async run => {
  run.path = path.join(run.folder, 'soon', 'file')
  const stream = run.create()
  stream.write('x')
  fs.mkdirSync(path.dirname(run.path))
  stream.end()
  await closed(stream)
})

for (const start of [0, 3, 20]) {
  sameAsStock(`start ${start}`, async run => {
    fs.writeFileSync(run.path, '0123456789')
    const stream = run.create({ flags: 'r+', start })
    stream.write('ab')
    await opened(stream)
    stream.write('c')
    stream.write(Buffer.from('d'))
    stream.end('e')
    await closed(stream)
  })
}

for (const start of [-1, 1.5, NaN, '1', null, Infinity, 2 ** 53]) {
  sameAsStock(`start ${start} is refused`, async run => {
    run.call('create', () => run.create({ start }))
  })
}

sameAsStock('a descriptor', async run => {
  const fd = fs.openSync(run.path, 'w')
  fs.writeSync(fd, 'before ')
  const stream = run.create({ fd }, null)
  run.state('created', stream)
  run.log(stream.path, stream.fd === fd)
  stream.write('a', run.callback('a', stream))
  stream.end('b')
  await closed(stream)
  run.call('closed with it', () => fs.fstatSync(fd))
})

sameAsStock('a descriptor that stays open', async run => {
  const fd = fs.openSync(run.path, 'w')
  const stream = run.create({ fd, autoClose: false }, null)
  stream.write('a')
  await new Promise(resolve => stream.end('b', resolve))
  fs.writeSync(fd, ' behind')
  fs.closeSync(fd)
})

sameAsStock('a descriptor, and where to start', async run => {
  const fd = fs.openSync(run.path, 'w')
  const stream = run.create({ fd, start: 4 }, null)
  stream.end('ab')
  await closed(stream)
})

sameAsStock('a FileHandle', async run => {
  const handle = await fs.promises.open(run.path, 'w')
  handle.on('close', () => run.log('handle closed'))
  const stream = run.create({ fd: handle }, null)
  stream.write('a', run.callback('a', stream))
  stream.end('b')
  await closed(stream)
})

sameAsStock('a FileHandle that is closed closes the stream', async run => {
  const handle = await fs.promises.open(run.path, 'w')
  const stream = run.create({ fd: handle }, null)
  await new Promise(resolve => stream.write('a', resolve))
  await handle.close()
  await closed(stream)
})

sameAsStock('a closed descriptor', async run => {
  const fd = fs.openSync(run.path, 'w')
  fs.closeSync(fd)
  const stream = run.create({ fd }, null)
  stream.write('a', run.callback('a', stream))
  stream.write('b', run.callback('b', stream))
  await closed(stream)
})

for (const fd of [-1, 1.5, 'x', {}, 2 ** 31]) {
  sameAsStock(`a descriptor of ${fd} is refused`, async run => {
    run.call('create', () => run.create({ fd }, null))
  })
}

sameAsStock('a descriptor that can only be read', async run => {
  fs.writeFileSync(run.path, 'there')
  const fd = fs.openSync(run.path, 'r')
  const stream = run.create({ fd }, null)
  stream.write('a', run.callback('a', stream))
  await closed(stream)
})

const BAD_OPTIONS = {
  highWaterMark: [-1, 1.5, 'x', NaN],
  flush: [1, 'yes'],
  encoding: ['klingon'],
  signal: ['x', {}],
  fs: [7, { open: 7 }, { open () {} }]
}

for (const [option, values] of Object.entries(BAD_OPTIONS)) {
  for (const value of values) {
    sameAsStock(`${option}: ${JSON.stringify(value)} is refused`, async run => {
      run.call('create', () => run.create({ [option]: value }))
    })
  }
}

for (const options of [7, true, Symbol('s')]) {
  sameAsStock(`options ${String(options)} are refused`, async run => {
    run.call('create', () => run.create(options))
  })
}

for (const options of [undefined, null, () => {}]) {
  sameAsStock(`options ${String(options)} are none`, async run => {
    const stream = run.create(options)
    stream.end('x')
    await closed(stream)
  })
}

sameAsStock('options may be inherited', async run => {
  const stream = run.create(Object.create({ flags: 'a', highWaterMark: 3 }))
  run.log(stream.flags, stream.writableHighWaterMark)
  stream.end('x')
  await closed(stream)
})

sameAsStock('a fs of its own that only opens and closes', async run => {
  const used = []
  const custom = {
    ...fs,
    ...Object.fromEntries(['open', 'close', 'fsync'].map(name => [name, (...args) => {
      used.push(name)
      return fs[name](...args)
    }]))
  }
  const stream = run.create({ fs: custom, flush: true })
  stream.write('a', run.callback('a'))
  stream.end('b')
  await closed(stream)
  run.log(used)
})

sameAsStock('an open that was patched is the one that is used', async run => {
  const { open } = fs
  fs.open = (file, ...rest) => open.call(fs, `${file}.patched`, ...rest)
  try {
    const stream = run.create()
    stream.write('a')
    stream.end('b')
    await closed(stream)
  } finally {
    fs.open = open
  }
  run.log(fs.readdirSync(run.folder), fs.readFileSync(`${run.path}.patched`, 'latin1'))
})

// Stock opens the file after 'close' and leaves the descriptor behind.
test('a signal that is aborted already leaves no descriptor and no file', async () => {
  const run = new Run(spillway)
  const { log, content } = await run.result(async () => {
    const stream = run.create({ signal: AbortSignal.abort() })
    await closed(stream)
    await new Promise(resolve => fs.stat(run.folder, resolve))
  })
  expect(log.map(([event, value]) => [event, value.code])).toEqual([['error', 'ABORT_ERR'], ['close', undefined]])
  expect(content).toBeNull()
})

// A native writer can't honour it; stock would call it.
test.each(['write', 'writev'])('a fs with its own %s is refused', name => {
  const run = new Run(spillway)
  const custom = { ...fs, [name] () {} }
  expect(() => run.create({ fs: custom })).toThrow(expect.objectContaining({
    name: 'TypeError',
    code: 'ERR_INVALID_ARG_VALUE',
    message: expect.stringContaining(`options.fs.${name}`)
  }))
  expect(fs.readdirSync(run.folder)).toEqual([])
  fs.rmdirSync(run.folder)
})

// Stock writes into whatever file has got the number meanwhile.
test('a descriptor that is closed and reused behind the stream\'s back gets none of its bytes', async () => {
  const run = new Run(spillway)
  await run.result(async () => {
    const fd = fs.openSync(run.path, 'w')
    const stream = run.create({ fd, autoClose: false }, null)
    fs.closeSync(fd)
    const other = path.join(run.folder, 'other')
    expect(fs.openSync(other, 'w')).toBe(fd)
    await new Promise(resolve => stream.end('mine', resolve))
    expect(fs.readFileSync(other, 'latin1')).toBe('')
    expect(run.content()).toBe('mine')
    fs.closeSync(fd)
  })
})

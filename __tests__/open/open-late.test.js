'use strict'

// Nothing is opened in the run that makes the stream: until that is over, the
// file, its name and all that decides how it is opened are the program's.

const { execFileSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const spillway = require('../..')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')
const { sameAsStock, closed } = require('../helpers/same-as-stock.js')

const BEFORE = 'there before'
/** Bytes that a run may buffer before ours opens the file all the same. */
const EARLY = 1024 * 1024

/** What a run may well do. Other threads get as far meanwhile as they ever get. */
function workOn () {
  execFileSync(process.execPath, ['--version'])
}

/** All files of the run, and what is in them. */
function show (folder) {
  return fs.readdirSync(folder, { recursive: true }).sort().map(name => {
    const file = path.join(folder, name)
    const stat = fs.statSync(file)
    return stat.isFile() ? [name, fs.readFileSync(file, 'latin1'), (stat.mode & 0o777).toString(8)] : [name]
  })
}

/** The ways to be still in the run in which the stream is made: each calls `make`, and then `use` with the stream. */
const RUNS = {
  'in the same run': async (make, use) => {
    const stream = make()
    workOn()
    use(stream)
    return stream
  },
  'in a tick that was queued before': async (make, use) => {
    process.nextTick(() => use(stream))
    const stream = make()
    workOn()
    return stream
  },
  // In a microtask, ticks come when no microtask is left.
  'some microtasks later': async (make, use) => {
    await null
    const stream = make()
    workOn()
    for (let count = 0; count < 10; count++) await null
    use(stream)
    return stream
  }
}

const USES = {
  'reading the old file': (stream, run) => run.log(fs.readFileSync(run.path, 'latin1')),
  'the size of the old file': (stream, run) => run.log(fs.statSync(run.path).size),
  'copying the old file': (stream, run) => fs.copyFileSync(run.path, `${run.path}.copy`),
  'renaming the old file': (stream, run) => fs.renameSync(run.path, `${run.path}.old`),
  'removing the old file': (stream, run) => fs.unlinkSync(run.path),
  'writing to the old file': (stream, run) => fs.appendFileSync(run.path, ' and more'),
  'a folder in place of the old file': (stream, run) => {
    fs.unlinkSync(run.path)
    fs.mkdirSync(run.path)
    // That has no content.
    run.path = path.join(run.path, 'none')
  },
  'a link in place of the old file': (stream, run) => {
    fs.renameSync(run.path, `${run.path}.old`)
    fs.symlinkSync(`${run.path}.linked`, run.path)
  },
  'another path': (stream, run) => { stream.path = `${run.path}.other` },
  'a path as Buffer': (stream, run) => { stream.path = Buffer.from(`${run.path}.other`) },
  'a path that cannot be opened': (stream, run) => { stream.path = path.join(run.folder, 'missing', 'file') },
  'flags that keep the file': stream => { stream.flags = 'r+' },
  'flags to append': stream => { stream.flags = 'a' },
  'flags as a number': stream => { stream.flags = fs.constants.O_WRONLY | fs.constants.O_APPEND },
  'flags that want a new file': stream => { stream.flags = 'wx' },
  'another path and mode': (stream, run) => {
    stream.path = `${run.path}.other`
    stream.mode = 0o600
  },
  'a position': stream => {
    stream.flags = 'r+'
    stream.pos = 6
  },
  'a descriptor': (stream, run) => { stream.fd = fs.openSync(`${run.path}.given`, 'w') },
  'an open of its own': (stream, run) => {
    stream.open = function () {
      this.fd = fs.openSync(`${run.path}.opened`, 'w')
      this.emit('open', this.fd)
    }
  }
}

for (const [when, pass] of Object.entries(RUNS)) {
  for (const [name, use] of Object.entries(USES)) {
    sameAsStock(`${name}, ${when}`, async run => {
      fs.writeFileSync(run.path, BEFORE)
      const make = () => {
        const stream = run.create()
        stream.write('new', run.callback('new'))
        return stream
      }
      const stream = await pass(make, stream => use(stream, run))
      stream.end('er', run.callback('end'))
      await closed(stream)
      run.log(show(run.folder))
    })
  }

  sameAsStock(`no file is there yet, ${when}`, async run => {
    const look = () => run.log(fs.existsSync(run.path))
    const stream = await pass(() => run.create(), look)
    stream.end('x')
    await closed(stream)
  })

  sameAsStock(`fs.open is patched, ${when}`, async run => {
    const { open } = fs
    const patch = () => { fs.open = (file, ...rest) => open.call(fs, `${file}.patched`, ...rest) }
    try {
      const stream = await pass(() => run.create(), patch)
      stream.end('x')
      await closed(stream)
    } finally {
      fs.open = open
    }
    run.log(show(run.folder))
  })
}

sameAsStock('a file is written anew from what it holds', async run => {
  fs.writeFileSync(run.path, BEFORE)
  const stream = run.create()
  workOn()
  stream.end(fs.readFileSync(run.path, 'utf8').toUpperCase())
  await closed(stream)
})

sameAsStock('several streams into one file that is read in between', async run => {
  fs.writeFileSync(run.path, BEFORE)
  const streams = [1, 2, 3].map(() => {
    const stream = run.createWriteStream(run.path, { flags: 'a' })
    workOn()
    stream.end(fs.readFileSync(run.path, 'latin1').length.toString())
    return stream
  })
  await Promise.all(streams.map(closed))
})

for (const flags of ['w', 'w+', 'a', 'r+', 'wx', 'ax']) {
  sameAsStock(`flags ${flags} do nothing to the old file within the run, nor make one`, async run => {
    fs.writeFileSync(run.path, BEFORE)
    const other = `${run.path}.other`
    const streams = [run.createWriteStream(run.path, { flags }), run.createWriteStream(other, { flags })]
    for (const stream of streams) stream.on('error', error => run.log(error.code))
    workOn()
    run.log(fs.readFileSync(run.path, 'latin1'), fs.existsSync(other))
    for (const stream of streams) stream.destroy()
    await Promise.all(streams.map(closed))
  })
}

// What belongs to the whole process is changed in one of its own.
const MOODS = {
  'another folder': `
    fs.mkdirSync('sub')
    const out = createWriteStream('file')
    workOn()
    process.chdir('sub')`,
  'another folder, and back': `
    fs.mkdirSync('sub')
    process.chdir('sub')
    const out = createWriteStream('file')
    workOn()
    process.chdir('..')`,
  'a mask': `
    process.umask(0o022)
    const out = createWriteStream('file')
    workOn()
    process.umask(0o077)`,
  'a mask, and back': `
    process.umask(0o022)
    const mask = process.umask(0o077)
    const out = createWriteStream('file')
    workOn()
    process.umask(mask)`
}

const AS_ROOT = {
  'another user': `
    const out = createWriteStream('file')
    workOn()
    process.seteuid(65534)`,
  'another user, and back': `
    process.seteuid(65534)
    const out = createWriteStream('file')
    workOn()
    process.seteuid(0)`,
  'another group, and back': `
    const group = process.getegid()
    process.setegid(65534)
    const out = createWriteStream('file')
    workOn()
    process.setegid(group)`
}

/** All that is there when the stream is closed, and why it failed. */
async function runMood (which, script) {
  const { code, stdout, stderr } = await runScript(which, `
    const path = require('node:path')
    const { execFileSync } = require('node:child_process')
    const workOn = ${workOn}
    const show = ${show}
    const home = path.dirname(file)
    process.chdir(home)
    // Whoever we are, we may make files here.
    fs.chmodSync(home, 0o777)
    ${script}
    out.on('error', error => console.log(error.code))
    out.end('x')
    out.on('close', () => {
      const owners = fs.existsSync(file) ? [fs.statSync(file).uid, fs.statSync(file).gid] : []
      console.log(JSON.stringify([show(home).filter(([name]) => name !== 'program.js'), owners]))
    })`)
  return { code, stdout, stderr }
}

for (const [name, script] of Object.entries(MOODS)) {
  test(`${name} within the run`, async () => {
    expect(await runMood('spillway', script)).toEqual(await runMood('stock', script))
  })
}

for (const [name, script] of Object.entries(AS_ROOT)) {
  const run = process.getuid?.() === 0 ? test : test.skip
  run(`${name} within the run (only root can)`, async () => {
    expect(await runMood('spillway', script)).toEqual(await runMood('stock', script))
  })
}

// On purpose, and unlike stock: a loop that never yields would fill the memory.
describe('a run that buffers more than it may', () => {
  const inFolder = folderForEach()
  const PART = Buffer.alloc(64 * 1024, 'x')

  test.each([undefined, 1000, 10 * EARLY])('writes before it is over, highWaterMark %p', async highWaterMark => {
    const file = inFolder('file')
    fs.writeFileSync(file, BEFORE)
    const out = spillway.createWriteStream(file, { highWaterMark })
    let size = 0
    let isWritten = false
    while (!isWritten && size < 1000 * EARLY) {
      out.write(PART)
      size += PART.length
      isWritten = fs.statSync(file).size >= EARLY
    }
    expect(isWritten).toBe(true)
    out.end()
    await closed(out)
    expect(fs.statSync(file).size).toBe(size)
  })

  test('tells of the open as ever', async () => {
    const out = spillway.createWriteStream(inFolder('file'))
    const events = []
    for (const name of ['open', 'ready', 'finish', 'close']) out.on(name, () => events.push(name))
    for (let size = 0; size <= 2 * EARLY; size += PART.length) out.write(PART)
    workOn()
    expect([out.fd, out.pending, events]).toEqual([null, true, []])
    out.end()
    await closed(out)
    expect(events).toEqual(['open', 'ready', 'finish', 'close'])
  })

  test('and tells its error as ever', async () => {
    const out = spillway.createWriteStream(inFolder('missing/file'))
    const errors = []
    out.on('error', ({ code, syscall }) => errors.push([code, syscall]))
    for (let size = 0; size <= 2 * EARLY; size += PART.length) out.write(PART)
    workOn()
    expect(errors).toEqual([])
    await closed(out)
    expect(errors).toEqual([['ENOENT', 'open']])
  })

  for (const isPatched of [false, true]) {
    sameAsStock(`and opens the file behind the run if it could not in it, fs.open ${isPatched ? 'patched' : 'as ever'}`, async run => {
      const { open } = fs
      run.path = path.join(run.folder, 'soon', 'file')
      const stream = run.create()
      for (let size = 0; size <= 2 * EARLY; size += PART.length) stream.write(PART)
      fs.mkdirSync(path.dirname(run.path))
      if (isPatched) fs.open = (...args) => open.apply(fs, args)
      try {
        await once(stream, 'open')
      } finally {
        fs.open = open
      }
      stream.end('end')
      await closed(stream)
      run.log(show(run.folder))
      // What ours has written by each event is another matter.
      run.entries = run.entries.map(([event]) => event)
    })
  }

  test('for many streams writes before it is over, too', async () => {
    const files = Array.from({ length: 40 }, (_, at) => inFolder(`file ${at}`))
    const outs = files.map(file => spillway.createWriteStream(file))
    for (const out of outs) for (let size = PART.length; size < EARLY; size += PART.length) out.write(PART)
    expect(files.map(file => fs.existsSync(file))).toEqual(files.map((_, at) => at > 16))
    for (const out of outs) out.end()
    await Promise.all(outs.map(closed))
    expect(files.every(file => fs.statSync(file).size === EARLY - PART.length)).toBe(true)
  })

  test('leaves the file alone before', async () => {
    const file = inFolder('file')
    fs.writeFileSync(file, BEFORE)
    const out = spillway.createWriteStream(file)
    for (let size = PART.length; size < EARLY; size += PART.length) out.write(PART)
    workOn()
    expect(fs.readFileSync(file, 'latin1')).toBe(BEFORE)
    out.end()
    await closed(out)
  })
})

'use strict'

// `spillway/register`: the streams of a whole program are ours, and whatever
// it did before, it does on.

const { execFile, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { promisify } = require('node:util')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')

const root = path.join(__dirname, '..', '..')
const register = path.join(root, 'register.js')

const inFolder = folderForEach()

/** Only ours tell what they have been through. */
function isOurs (stream) {
  try {
    stream.stats()
    return true
  } catch {
    return false
  }
}

const PRELUDE = `
  const { once } = require('node:events')
  const util = require('node:util')
  const isOurs = ${isOurs}
  const show = (...values) => console.log(JSON.stringify(values))
  const written = async stream => {
    stream.end('text')
    await once(stream, 'close')
    return fs.readFileSync(file, 'latin1')
  }
  const modules = ${JSON.stringify(path.join(root, 'node_modules'))}
  const register = () => require(${JSON.stringify(register)})
`

/** Runs `script`, the body of an async function, and gives the values it showed, an array for each call. */
async function show (script, args = ['-r', register]) {
  const { code, stdout, stderr } = await runScript('stock', `${PRELUDE};(async () => {${script}})()`, { args })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.split('\n').filter(Boolean).map(line => JSON.parse(line))
}

/** That `script` shows the same on stock. */
async function expectSame (script) {
  const [stock, ours] = [await show(script, []), await show(script)]
  expect(stock.length).toBeGreaterThan(0)
  expect(ours).toEqual(stock)
}

/** mock-fs 5.5 reads what Node 26 no longer has. */
const { status } = spawnSync(process.execPath, ['-e', 'require("mock-fs")'], { cwd: root })
const testWithMockFs = status === 0 ? test : (name, body) => test.skip(`${name}: mock-fs can't be loaded by this Node`, body)

describe('the ways to register', () => {
  const program = `
    import fs, { createWriteStream, WriteStream } from 'node:fs'
    import { open } from 'node:fs/promises'
    const isOurs = ${isOurs}
    const file = process.env.FILE
    const handle = await open(file, 'w')
    const streams = [
      createWriteStream(file), new WriteStream(file), fs.createWriteStream(file), new fs.FileWriteStream(file),
      handle.createWriteStream()
    ]
    console.log(...streams.map(isOurs), WriteStream === fs.WriteStream)
    for (const stream of streams) stream.end()`

  test.each([
    ['require', ['-r', 'spillway/register'], '', ''],
    ['--import', ['--import', 'spillway/register'], '', ''],
    ['import', [], 'import "spillway/register"', ''],
    ['NODE_OPTIONS', [], '', '-r spillway/register']
  ])('%s', async (name, args, line, NODE_OPTIONS) => {
    const env = { ...process.env, FILE: inFolder('file'), NODE_OPTIONS }
    // Where the package knows itself by its name.
    const options = { cwd: root, env }
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [...args, '--input-type=module', '-e', line + program], options)
    expect([stdout, stderr]).toEqual(['true true true true true true\n', ''])
  })

  test('workers inherit it', async () => {
    const shown = await show(`
      const { Worker } = require('node:worker_threads')
      const worker = new Worker(\`
        const out = require('node:fs').createWriteStream(\${JSON.stringify(file)})
        require('node:worker_threads').parentPort.postMessage((\${isOurs})(out))
        out.end('text')\`, { eval: true })
      const [message] = await once(worker, 'message')
      await once(worker, 'exit')
      show(message, fs.readFileSync(file, 'latin1'))`)
    expect(shown).toEqual([[true, 'text']])
  })
})

test('unregister() undoes all, and either may be called twice', async () => {
  const shown = await show(`
    const imported = await import('node:fs')
    const names = () => [fs.createWriteStream, fs.WriteStream, fs.FileWriteStream, fs.promises.open, imported.WriteStream]
    const before = names()
    const handle = await fs.promises.open(file, 'w')
    const prototype = Object.getPrototypeOf(handle)
    const { createWriteStream } = prototype
    const isBefore = () => names().every((value, at) => value === before[at]) && prototype.createWriteStream === createWriteStream

    const { register: on, unregister: off } = register()
    on()
    await (await fs.promises.open(file)).close()
    const { WriteStream } = fs
    const open = fs.createWriteStream(file)
    show(isOurs(open), isBefore())
    off()
    show(isBefore(), isOurs(fs.createWriteStream(file + 2).end()), isOurs(new WriteStream(file + 2).end()))
    off()
    show(isBefore(), await written(open))
    on()
    on()
    show(isBefore(), isOurs(handle.createWriteStream().end()), isOurs(fs.createWriteStream(file).end()))
    off()
    show(isBefore())`, [])
  expect(shown).toEqual([[true, false], [true, false, false], [true, 'text'], [false, false, true], [true]])
})

describe('what ours refuses goes to stock', () => {
  test('a custom fs that writes itself', async () => {
    const shown = await show(`
      let calls = 0
      const write = (...args) => { calls++; return fs.write(...args) }
      const custom = { open: fs.open, close: fs.close, write }
      const out = fs.createWriteStream(file, { fs: custom })
      show(isOurs(out), await written(out), calls)
      try {
        require(${JSON.stringify(root)}).createWriteStream(file, { fs: custom })
      } catch ({ code }) { show(code) }`)
    expect(shown).toEqual([[false, 'text', 1], ['ERR_INVALID_ARG_VALUE']])
  })

  test('an fs.write that was patched', async () => {
    const shown = await show(`
      const { write } = fs
      let calls = 0
      fs.write = (...args) => { calls++; return write(...args) }
      const out = fs.createWriteStream(file)
      show(isOurs(out), await written(out), calls)
      fs.write = write
      const next = fs.createWriteStream(file)
      show(isOurs(next), await written(next), calls)`)
    expect(shown).toEqual([[false, 'text', 1], [true, 'text', 1]])
  })

  test('options of ours with values that mean something else', () => expectSame(`
    for (const options of [{ lowWaterMark: -1 }, { backpressure: 'high' }, { retry: 3 }, { budget: 'all' }, { exitTimeout: {} }]) {
      const out = fs.createWriteStream(file, options)
      show(await written(out), out.writableHighWaterMark)
    }`))

  test('what stock refuses, it refuses', () => expectSame(`
    for (const args of [[], [3], [file, 3], [file, { start: -1 }], [file, { fd: -1 }], [file, { lowWaterMark: -1, start: 'a' }]]) {
      try {
        fs.createWriteStream(...args)
      } catch ({ name, code, message }) { show(name, code, message) }
    }`))
})

describe('programs go on as they were', () => {
  test('a stream and references from before', async () => {
    const shown = await show(`
      const { WriteStream } = fs
      const before = fs.createWriteStream(file)
      register()
      const old = new WriteStream(file + 1)
      const out = fs.createWriteStream(file + 2)
      show(...[before, old, out].map(isOurs))
      show(...[before, old, out].map(stream => [stream instanceof WriteStream, stream instanceof fs.WriteStream]))
      show({} instanceof fs.WriteStream, null instanceof fs.WriteStream, process.stdin instanceof fs.WriteStream)
      out.end()
      old.end()
      show(await written(before))`, [])
    expect(shown).toEqual([[false, false, true], [[true, true], [true, true], [true, true]], [false, false, false], ['text']])
  })

  const makeClasses = `
    class Modern extends fs.WriteStream {
      write (chunk, ...rest) { return super.write(chunk + '!', ...rest) }
    }
    function Old (...args) {
      fs.WriteStream.apply(this, args)
    }
    util.inherits(Old, fs.WriteStream)
    function Graceful (...args) {
      if (!(this instanceof Graceful)) return Graceful.apply(Object.create(Graceful.prototype), args)
      fs.WriteStream.apply(this, args)
      return this
    }
    util.inherits(Graceful, fs.WriteStream)`
  const useClasses = `
    for (const make of [() => new Modern(file), () => new Old(file), () => Graceful(file), () => fs.WriteStream(file), () => fs.createWriteStream(file)]) {
      const out = make()
      out.write('a ')
      show(out.constructor.name, [Modern, Old, Graceful, fs.WriteStream].map(each => out instanceof each), await written(out))
    }
    show(fs.WriteStream.name, fs.WriteStream.length, fs.createWriteStream(file).end().constructor === fs.WriteStream)`

  test('subclasses that were made after it', () => expectSame(makeClasses + useClasses))

  test('subclasses that were made before it', async () => {
    const expected = await show(makeClasses + useClasses, [])
    expect(await show(`${makeClasses}; register(); ${useClasses}`, [])).toEqual(expected)
  })

  test('a method that is patched in the prototype', () => expectSame(`
    const { _write } = fs.WriteStream.prototype
    fs.WriteStream.prototype._write = function (chunk, ...rest) {
      show('_write', chunk.length)
      return _write.call(this, chunk, ...rest)
    }
    show(await written(fs.createWriteStream(file)))`))
})

describe('the streams of a FileHandle', () => {
  const log = `
    const watch = (handle, out) => {
      handle.on('close', () => show('handle closed'))
      for (const event of ['open', 'ready', 'finish', 'close', 'error']) {
        out.on(event, value => show(event, value?.code, out.destroyed, out.closed, handle.fd >= 0))
      }
      return out
    }
    const make = async (flags, options) => {
      const handle = await fs.promises.open(file, flags)
      return [handle, watch(handle, handle.createWriteStream(options))]
    }
    const isClosed = stream => stream.closed || new Promise(resolve => stream.once('close', resolve))
    const isHandleClosed = handle => handle.fd < 0 || once(handle, 'close')`

  test('ours from the first handle on', async () => {
    const shown = await show(`
      const handle = await fs.promises.open(file, 'w')
      const out = handle.createWriteStream()
      show(isOurs(out), await written(out), handle.fd, (await (await fs.promises.open(file)).close()) === undefined)`)
    expect(shown).toEqual([[true, 'text', -1, true]])
  })

  test.each([
    ['ends', '{ highWaterMark: 2 }', "out.write('abc', () => show('written')); out.end('d')"],
    ['starts in the middle', "{ start: 3, flush: true, encoding: 'latin1' }", "out.write('é'); out.end('d')"],
    ['is destroyed', '{}', 'out.destroy()'],
    ['fails', '{}', "out.destroy(Object.assign(new Error(), { code: 'OWN' }))"],
    ['is closed by its handle', '{}', 'await handle.close()'],
    ['leaves the handle open', '{ autoClose: false }', "out.end('abc'); await once(out, 'finish'); show((await handle.stat()).size); await handle.close()"]
  ])('%s', (name, options, script) => expectSame(`${log}
    fs.writeFileSync(file, '0123456789')
    const [handle, out] = await make('r+', ${options})
    ${script}
    await isHandleClosed(handle)
    if (out.autoClose) await isClosed(out)
    show(fs.readFileSync(file, 'latin1'), out.bytesWritten, handle.fd)
    show(await handle.close().then(() => 'closed', error => error.code))`))

  test('what is refused', () => expectSame(`${log}
    const [handle, out] = await make('w')
    // Node does not close it, since its refused streams throw: the collector would, with a warning.
    globalThis.kept = handle
    for (const options of [{ fs }, { start: -1 }, { highWaterMark: 'a' }, { flush: 3 }]) {
      try { handle.createWriteStream(options) } catch ({ code, message }) { show(code, message) }
    }
    out.destroy()
    await isHandleClosed(handle)
    try { handle.createWriteStream() } catch ({ code, message }) { show(code, message) }`))
})

describe('together with others', () => {
  const use = name => `const other = require(modules + '/${name}');`
  const write = `
    const out = other.createWriteStream(file, { flags: 'w' })
    show(isOurs(out), out instanceof fs.WriteStream, out instanceof other.WriteStream, await written(out))
    const mine = fs.createWriteStream(file)
    show(isOurs(mine), mine instanceof fs.WriteStream, await written(mine))`

  test.each(['graceful-fs', 'fs-extra'])('%s after it', async name => {
    expect(await show(use(name) + write)).toEqual([[true, true, true, 'text'], [true, true, 'text']])
  })

  test.each(['graceful-fs', 'fs-extra'])('%s before it, which keeps its own streams', async name => {
    expect(await show(`${use(name)} register(); ${write}`, [])).toEqual([[false, true, true, 'text'], [true, true, 'text']])
  })

  test.each([
    ['after', `${use('graceful-fs')} other.gracefulify(fs);`],
    ['before', `${use('graceful-fs')} other.gracefulify(fs); register();`]
  ])('gracefulify(fs) %s', async (when, script) => {
    const shown = await show(`${script} ${write}; register().unregister(); show(isOurs(fs.createWriteStream(file).end()))`, when === 'after' ? undefined : [])
    expect(shown.slice(1)).toEqual([[true, true, 'text'], [false]])
  })

  testWithMockFs('mock-fs: a stream into a file that is not there', async () => {
    // It has to be loaded before, as it looks for files of its own.
    const shown = await show(`
      const mock = require(modules + '/mock-fs')
      const early = fs.createWriteStream(file)
      mock({ '/made/up': {} })
      const out = fs.createWriteStream('/made/up/file')
      const isMockOurs = isOurs(out)
      out.end('text')
      await once(out, 'close')
      const text = fs.readFileSync('/made/up/file', 'latin1')
      mock.restore()
      show(isMockOurs, text, fs.existsSync('/made'))
      show(isOurs(early), await written(early), isOurs(fs.createWriteStream(file).end()))`)
    expect(shown).toEqual([[false, 'text', false], [true, 'text', true]])
  })

  test.each([
    ['after it', 'patch(); const theirs = fs.WriteStream'],
    ['before it', 'unregister(); patch(); const theirs = fs.WriteStream; on()']
  ])('memfs in the place of fs, %s', async (when, script) => {
    const shown = await show(`
      const { vol } = require(modules + '/memfs')
      const { patchFs } = require(modules + '/fs-monkey')
      const { register: on, unregister } = register()
      const patch = () => patchFs(vol)
      ${script}
      vol.mkdirSync('/made/up', { recursive: true })
      const out = fs.createWriteStream('/made/up/file')
      const isMemoryOurs = isOurs(out)
      out.end('text')
      await once(out, 'close')
      show(isMemoryOurs, fs.WriteStream === theirs, vol.readFileSync('/made/up/file', 'latin1'))`, [])
    expect(shown).toEqual([[false, true, 'text']])
  })
})

test('the program that README shows loses all of it with stock, and nothing with ours', async () => {
  const readme = fs.readFileSync(path.join(root, 'README.md'), 'utf8')
  const [, program] = /^### See the difference\n\n```js\n([^]*?)^```$/m.exec(readme)
  const run = args => runScript('stock', `{${program}}`, { args, name: 'out.log', packages: true })
  const [stock, ours] = [await run([]), await run(['-r', 'spillway/register'])]
  const lines = Array.from({ length: 1e6 }, (_, at) => `line ${at + 1}\n`).join('')
  expect([stock, ours].map(({ code, stderr, content }) => [code, stderr, String(content) === lines])).toEqual([[0, '', false], [0, '', true]])
  expect(stock.content).toBe(null)
  const [stockMemory, ourMemory] = [stock, ours].map(({ stdout }) => /^(\d+) MB of memory$/m.exec(stdout)[1])
  expect(Number(ourMemory)).toBeLessThan(stockMemory / 2)
})

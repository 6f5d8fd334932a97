'use strict'

// The package more than once in a process: two versions of it below
// node_modules, or one that is loaded anew, as test runners do. Each file is
// opened once, and the process gets no more of anything for it.

const fs = require('node:fs')
const { once } = require('node:events')
const path = require('node:path')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')

const ROOT = path.join(__dirname, '..', '..')
const PARTS = fs.readdirSync(ROOT).filter(name => ['index.js', 'register.js', 'native.js', 'lib', 'package.json'].includes(name) || name.endsWith('.node'))

const inFolder = folderForEach()

/** Copies the package: a link would be the same file to Node. */
function copy (name) {
  const home = inFolder(name)
  for (const part of PARTS) fs.cpSync(path.join(ROOT, part), path.join(home, part), { recursive: true })
  return home
}

/** How a second one comes to be loaded. */
const WAYS = {
  'another copy': () => ({ homes: [copy('first'), copy('second')] }),
  'the same, loaded anew': () => ({ homes: [ROOT, ROOT] })
}

/** What becomes of them, as code: `get(0)` loads the first and `get(1)` the second, `get(0).on()` registers it. */
const ORDERS = {
  'both registered': 'const [a, b] = [get(0).on(), get(1).on()]',
  'both loaded, then registered': 'const [a, b] = [get(0), get(1)]; a.on(); b.on()',
  'the first registered': 'const [a, b] = [get(0).on(), get(1)]',
  'both loaded, and the first registered': 'const [a, b] = [get(0), get(1)]; a.on()',
  'both loaded, and the second registered': 'const [a, b] = [get(0), get(1)]; b.on()',
  'none registered': 'const [a, b] = [get(0), get(1)]',
  'the first registered, and no more': 'const [a, b] = [get(0).on(), get(1)]; a.off()',
  'both registered, and the first no more': 'const [a, b] = [get(0).on(), get(1).on()]; a.off()',
  'both registered, and the second no more': 'const [a, b] = [get(0).on(), get(1).on()]; b.off()'
}

const PRELUDE = `
  const { once } = require('node:events')
  const path = require('node:path')
  const stockStream = fs.WriteStream
  const show = (...values) => console.log(JSON.stringify(values))
  const get = number => {
    const home = given.homes[number % given.homes.length]
    for (const key of Object.keys(require.cache)) if (key.startsWith(home + path.sep) && !key.includes('node_modules')) delete require.cache[key]
    // Both modules at once, so that they share what is below lib/.
    const api = require(home)
    const load = () => require(path.join(home, 'register.js'))
    let registration
    return {
      ...api,
      on () {
        if (registration === undefined) registration = load()
        else registration.register()
        return this
      },
      off: () => registration.unregister()
    }
  }
  // Each copy's own register.js has to be loaded before the next is: the cache is emptied then.
  const makers = (a, b) => ({
    fs: (...args) => fs.createWriteStream(...args),
    'new fs.WriteStream': (...args) => new fs.WriteStream(...args),
    first: a.createWriteStream,
    second: b.createWriteStream,
    'new first.WriteStream': (...args) => new a.WriteStream(...args),
    'new second.WriteStream': (...args) => new b.WriteStream(...args)
  })
  const left = () => fs.readdirSync('/proc/self/fd').filter(fd => {
    try { return fs.readlinkSync('/proc/self/fd/' + fd).startsWith(fs.realpathSync(path.dirname(file))) } catch { return false }
  }).length
`

/** Runs `script`, the body of an async function, and gives what it showed. */
async function show (values, script) {
  const { code, stdout, stderr } = await runScript('stock', `${PRELUDE};(async () => {${script}})()`, { values, prefix: ['timeout', '20'] })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.split('\n').filter(Boolean).map(line => JSON.parse(line))
}

const MAKERS = ['fs', 'new fs.WriteStream', 'first', 'second', 'new first.WriteStream', 'new second.WriteStream']
const cases = Object.keys(WAYS).flatMap(way => Object.keys(ORDERS).map(order => [way, order]))

describe.each(cases)('%s, %s', (way, order) => {
  test('every file is opened once, be it that a second time would fail or would empty it', async () => {
    const shown = await show(WAYS[way](), `
      ${ORDERS[order]}
      let number = 0
      for (const [name, make] of Object.entries(makers(a, b))) {
        for (const flags of ['wx', 'w', 'a']) {
          const target = file + number++
          const seen = { open: 0, ready: 0, error: 0, finish: 0 }
          const out = make(target, { flags })
          for (const event in seen) out.on(event, () => seen[event]++)
          out.write('te')
          await once(out, 'ready')
          out.write('xt')
          out.end(Buffer.alloc(20_000, 'x'))
          await once(out, 'close')
          const text = fs.readFileSync(target, 'latin1')
          show(name, flags, seen, text.slice(0, 6), text.length)
        }
      }
      show('left open', left())`)
    const expected = MAKERS.flatMap(name => ['wx', 'w', 'a'].map(flags => [name, flags, { open: 1, ready: 1, error: 0, finish: 1 }, 'textxx', 20_004]))
    expect(shown).toEqual([...expected, ['left open', 0]])
  })

  test('an open and a close that are hooked are called once', async () => {
    const shown = await show(WAYS[way](), `
      ${ORDERS[order]}
      let number = 0
      const { open, close } = fs
      for (const [name, make] of Object.entries(makers(a, b))) {
        for (const hook of ['option', 'patch']) {
          const calls = { open: 0, close: 0 }
          const hooked = {
            open: (...args) => { calls.open++; return open(...args) },
            close: (...args) => { calls.close++; return close(...args) }
          }
          if (hook === 'patch') Object.assign(fs, hooked)
          const out = make(file + number++, { flags: 'wx', fs: hook === 'option' ? { ...fs, ...hooked } : undefined })
          out.end('text')
          await once(out, 'close')
          Object.assign(fs, { open, close })
          show(name, hook, calls, out.bytesWritten)
        }
      }`)
    expect(shown).toEqual(MAKERS.flatMap(name => ['option', 'patch'].map(hook => [name, hook, { open: 1, close: 1 }, 4])))
  })

  test('a stream of either is a WriteStream', async () => {
    const shown = await show(WAYS[way](), `
      ${ORDERS[order]}
      let number = 0
      for (const [name, make] of Object.entries(makers(a, b))) {
        const out = make(file + number++)
        show(name, out instanceof fs.WriteStream, out instanceof stockStream, require('node:stream').Writable.prototype.isPrototypeOf(out))
        await once(out.end(), 'close')
      }`)
    expect(shown).toEqual(MAKERS.map(name => [name, true, true, true]))
  })

  test('what is accepted is written when the process ends', async () => {
    const values = WAYS[way]()
    const target = inFolder('target')
    const { code, stderr } = await runScript('stock', `${PRELUDE};(() => {
      ${ORDERS[order]}
      const { fs: _, 'new fs.WriteStream': __, ...ours } = makers(a, b)
      Object.values(ours).forEach((make, number) => {
        const out = make(given.target + number)
        out.write('te')
        // What Node holds has to be fetched from there.
        out.cork()
        out.write('xt')
      })
      process.exit(3)
    })()`, { values: { ...values, target }, prefix: ['timeout', '20'] })
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' })
    expect([0, 1, 2, 3].map(number => fs.readFileSync(target + number, 'latin1'))).toEqual(Array(4).fill('text'))
  })
})

describe.each(Object.keys(WAYS))('%s', way => {
  test('with one of them registered, what fs makes is ours', async () => {
    const isOurs = 'const isOurs = out => { try { out.stats(); return true } catch { return false } };'
    for (const order of ['both registered', 'both loaded, then registered', 'the first registered', 'both loaded, and the second registered']) {
      const shown = await show(WAYS[way](), `${isOurs} ${ORDERS[order]}
        const out = fs.createWriteStream(file)
        show(isOurs(out))
        out.end()`)
      expect([order, shown]).toEqual([order, [[true]]])
    }
  })

  test('unregistered in the order of a stack, all is Node\'s again', async () => {
    const shown = await show(WAYS[way](), `
      const names = () => [fs.createWriteStream, fs.WriteStream, fs.FileWriteStream, fs.promises.open]
      const before = names()
      const [a, b] = [get(0).on(), get(1).on()]
      b.off()
      a.off()
      show(...names().map((value, at) => value === before[at]))`)
    expect(shown).toEqual([[true, true, true, true]])
  })

  test.each([['used', ''], ['registered', '.on()']])('the process gets no more listeners by the dozen that are %s', async (name, on) => {
    const shown = await show(WAYS[way](), `
      const count = () => Object.fromEntries(process.eventNames().map(name => [String(name), process.listenerCount(name)]))
      let first
      for (let number = 0; number < 12; number++) {
        const { createWriteStream } = get(number)${on}
        for (const make of [createWriteStream, fs.createWriteStream]) await once(make(file + number).end('text'), 'close')
        first ??= count()
      }
      show(first, count())`)
    const [[first, last]] = shown
    expect(last).toEqual(first)
  })

  test('a dozen that are registered lose nothing at the end', async () => {
    const values = WAYS[way]()
    const target = inFolder('target')
    const { code, stderr } = await runScript('stock', `${PRELUDE}
      for (let number = 0; number < 12; number++) {
        const { createWriteStream } = get(number).on()
        const outs = [createWriteStream(given.target + number), fs.createWriteStream(given.target + 'fs' + number)]
        for (const out of outs) {
          out.write('te')
          out.cork()
          out.write('xt')
        }
      }
      process.exit(3)`, { values: { ...values, target }, prefix: ['timeout', '20'] })
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' })
    const contents = Array.from({ length: 12 }, (_, number) => [number, `fs${number}`].map(name => fs.readFileSync(target + name, 'latin1')))
    expect(contents).toEqual(Array(12).fill(['text', 'text']))
  })
})

test('jest.resetModules() brings a new one that works, and no more listeners', async () => {
  const count = () => process.eventNames().map(name => [name, process.listenerCount(name)]).sort()
  const use = async number => {
    jest.resetModules()
    const registration = require('../../register.js')
    try {
      for (const { createWriteStream } of [require('../..'), require('node:fs')]) {
        const file = inFolder(`${number}`)
        const out = createWriteStream(file, { flags: 'wx' })
        expect(out).toBeInstanceOf(fs.WriteStream)
        out.end('text')
        await once(out, 'close')
        expect(fs.readFileSync(file, 'latin1')).toBe('text')
        fs.rmSync(file)
      }
    } finally {
      // jest shares node:fs among test files.
      registration.unregister()
    }
  }
  await use(0)
  const before = count()
  for (let number = 1; number < 12; number++) await use(number)
  expect(count()).toEqual(before)
})

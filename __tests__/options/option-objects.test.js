'use strict'

// Options in whatever object they come: it is read as Node reads it, once, and
// nothing is written into it.

const fs = require('node:fs')
const { once } = require('node:events')
const path = require('node:path')
const spillway = require('../..')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')
const { sameAsStock, closed } = require('../helpers/same-as-stock.js')

const inFolder = folderForEach()

/** Node's own, each with a value that makes a difference. */
const NODES = { flags: 'w', encoding: 'latin1', mode: 0o600, autoClose: true, emitClose: true, start: 3, highWaterMark: 1234, flush: true }
const OURS = { lowWaterMark: 5, exitTimeout: 4000, blockTimeout: 3000, backpressure: 'strict', budget: 5000, retry: { codes: ['ENOSPC'], interval: 10, limit: 20 } }

class Private {
  #mark = 1234
  // No property that for...in would see: stock does not take it.
  get highWaterMark () { return this.#mark }
}

class PrivateShown {
  #mark = 1234
  get highWaterMark () { return this.#mark }
  get encoding () { return this.#mark === 1234 ? 'latin1' : 'bad' }
  get lowWaterMark () { return this.#mark - 1000 }
}
for (const name of ['highWaterMark', 'encoding', 'lowWaterMark']) {
  Object.defineProperty(PrivateShown.prototype, name, { enumerable: true })
}

/** Only what reads as itself is answered: as with objects of a membrane, and with #private fields. */
function strict (options) {
  const proxy = new Proxy(options, {
    get: (target, name, receiver) => {
      if (receiver !== proxy) throw new TypeError('read by another')
      return target[name]
    },
    set () { throw new TypeError('was set') },
    defineProperty () { throw new TypeError('was defined') },
    deleteProperty () { throw new TypeError('was deleted') },
    setPrototypeOf () { throw new TypeError('was given a prototype') },
    preventExtensions () { throw new TypeError('was sealed') }
  })
  return proxy
}

function deepFreeze (value) {
  if (value !== null && typeof value === 'object') {
    Object.values(value).forEach(deepFreeze)
    Object.freeze(value)
  }
  return value
}

const withGetters = options => Object.defineProperties({}, Object.fromEntries(Object.entries(options).map(
  ([name, value]) => [name, { enumerable: true, get: () => value }])))

/** Ways to hold `options`, which are copied. */
const HOLDERS = {
  frozen: options => deepFreeze(structuredClone(options)),
  sealed: options => Object.seal({ ...options }),
  'not extensible': options => Object.preventExtensions({ ...options }),
  'with getters alone': withGetters,
  'frozen, with getters alone': options => Object.freeze(withGetters(options)),
  'a Proxy that is only to be read': strict,
  'a Proxy of what is frozen': options => strict(deepFreeze(structuredClone(options))),
  'without a prototype': options => Object.assign(Object.create(null), options),
  inherited: options => Object.create(options),
  'inherited from what is frozen': options => Object.create(deepFreeze(structuredClone(options))),
  'with a symbol': options => ({ ...options, [Symbol('mine')]: 1 }),
  'an array': options => Object.assign([], options),
  'an instance of a class': options => Object.assign(new (class Options {})(), options),
  'with names that are not theirs': options => ({ ...options, path: 3, pos: 'a', bytesWritten: 'b', write: 4, closed: 5 })
}

describe('as stock takes them', () => {
  const SETS = { none: {}, 'one of a kind': { highWaterMark: 1234 }, all: NODES }
  for (const [holder, hold] of Object.entries(HOLDERS)) {
    for (const [name, options] of Object.entries(SETS)) {
      sameAsStock(`${holder}: ${name}`, async run => {
        fs.writeFileSync(run.path, 'before')
        const out = run.call('create', () => run.create(hold(options)))
        if (out === undefined) return
        run.call('write', () => out.write('\u00e9t\u00e9'))
        out.end()
        await closed(out)
        run.log('mode', fs.statSync(run.path).mode)
      })
    }
  }

  for (const Class of [Private, PrivateShown]) {
    sameAsStock(`#private fields: ${Class.name}`, async run => {
      const out = run.call('create', () => run.create(new Class()))
      run.call('write', () => out.write('\u00e9'))
      out.end()
      await closed(out)
    })
  }
})

describe('ours', () => {
  test.each(Object.keys(HOLDERS))('%s', async holder => {
    const out = spillway.createWriteStream(inFolder('file'), HOLDERS[holder]({ highWaterMark: 1000, ...OURS }))
    // Each of them has come through: from 5 on 'drain' is owed, and above 5000 it fails.
    expect(out.write('x'.repeat(1200))).toBe(false)
    const lost = new Promise(resolve => out.write('x'.repeat(4000), resolve))
    const failed = once(out, 'error')
    expect([(await lost).code, (await failed)[0].code]).toEqual(['ERR_OUT_OF_RANGE', 'ERR_OUT_OF_RANGE'])
    if (!out.closed) await once(out, 'close')
    expect(fs.statSync(inFolder('file')).size).toBe(1200)
  })

  test('an option that is none is refused, wherever it stands', () => {
    for (const hold of Object.values(HOLDERS)) {
      expect(() => spillway.createWriteStream(inFolder('file'), hold({ lowWaterMark: -1 }))).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }))
      expect(() => spillway.createWriteStream(inFolder('file'), hold({ retry: { codes: 3 } }))).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
    }
  })
})

test('what is given is left as it was', async () => {
  const options = { ...structuredClone({ ...NODES, ...OURS }), start: undefined, encoding: null, signal: undefined }
  const before = structuredClone(options)
  const out = spillway.createWriteStream(inFolder('file'), options)
  out.end('text')
  await once(out, 'close')
  expect(Object.getOwnPropertyDescriptors(options)).toEqual(Object.getOwnPropertyDescriptors(before))
})

/** How often each option is read, while a stream is made and used. */
async function countReads (createWriteStream, file, options) {
  const reads = {}
  const watch = (object, prefix = '') => new Proxy(object, {
    get (target, name, receiver) {
      const value = Reflect.get(target, name, receiver)
      if (typeof name === 'string') reads[prefix + name] = (reads[prefix + name] ?? 0) + 1
      return name === 'retry' && value ? watch(value, 'retry.') : value
    }
  })
  const out = createWriteStream(file, watch(options))
  await new Promise((resolve, reject) => out.on('error', reject).on('close', resolve).end('text'))
  return reads
}

const ALL = { ...NODES, ...OURS }
const times = (names, count) => Object.fromEntries(names.map(name => [name, count]))

test('each of Node\'s is read, and not more often than by stock', async () => {
  const [stock, ours] = await Promise.all([fs, spillway].map(async ({ createWriteStream }, number) => {
    return countReads(createWriteStream, inFolder(`${number}`), NODES)
  }))
  // Stock looks at `encoding` three times, and at the others once.
  expect(ours).toMatchObject(times(Object.keys(NODES), 1))
  expect(Object.keys(NODES).filter(name => ours[name] > stock[name])).toEqual([])
})

test('each of all is read once, and none that is not there more than that', async () => {
  const reads = await countReads(spillway.createWriteStream, inFolder('file'), ALL)
  expect(reads).toMatchObject(times([...Object.keys(ALL), ...Object.keys(OURS.retry).map(name => `retry.${name}`)], 1))
  expect(Object.values(reads).filter(count => count !== 1)).toEqual([])
})

test.each([['fs.createWriteStream', 'fs.createWriteStream'], ['new fs.WriteStream', '(...args) => new fs.WriteStream(...args)']])('with spillway/register, %s reads each once', async (name, make) => {
  const { code, stdout, stderr } = await runScript('stock', `
    ${countReads}
    countReads(${make}, file, ${JSON.stringify(ALL)}).then(reads => console.log(JSON.stringify(reads)))`,
  { args: ['-r', path.join(__dirname, '..', '..', 'register.js')] })
  expect([code, stderr]).toEqual([0, ''])
  const reads = JSON.parse(stdout)
  expect(reads).toMatchObject(times(Object.keys(ALL), 1))
  expect(Object.values(reads).filter(count => count !== 1)).toEqual([])
})

test.each([['stock', []], ['spillway', ['-r', path.join(__dirname, '..', '..', 'register.js')]]])('%s: one that answers differently each time is what it was at first', async (which, args) => {
  // With `lowWaterMark` for ours to look at `highWaterMark`, and 'strict' for its budget.
  const { code, stdout, stderr } = await runScript('stock', `
    let calls = 0
    const out = fs.createWriteStream(file, { lowWaterMark: 1, backpressure: 'strict', get highWaterMark () { return calls++ === 0 ? 100 : 'bad' } })
    console.log(out.writableHighWaterMark, calls)
    out.end()`, { args })
  expect([code, stdout, stderr]).toEqual([0, '100 1\n', ''])
})

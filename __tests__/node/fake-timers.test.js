'use strict'

// Who fakes the clock of his program, or of his tests, does not stop its files:
// Node's own streams go on, and so do ours.

const path = require('node:path')
const fs = require('node:fs')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')

const inFolder = folderForEach()

// A stream that stands still is seen within jest's own time limit, for which it keeps the real timers.
const PATIENCE = 10_000
const TEXT = 'x'.repeat(600)

/** Uses a stream in every way in which it has to come back, and gives the order in which it did. */
function use (createWriteStream, file) {
  return new Promise((resolve, reject) => {
    const log = []
    const out = createWriteStream(file, { highWaterMark: 1000 })
    for (const event of ['open', 'ready', 'drain', 'finish']) out.on(event, () => log.push(event))
    out.on('error', reject)
    out.write(TEXT, () => log.push('first'))
    out.write(TEXT, () => log.push('second'))
    out.once('drain', () => {
      // Idle, and then again: small ones, a big one, corked ones.
      out.write('y'.repeat(20_000), () => {
        log.push('third')
        out.cork()
        out.write('z')
        out.write('z')
        out.uncork()
        out.end(() => log.push('end'))
      })
    })
    out.on('close', () => resolve([...log, 'close']))
  })
}

/** The same for a stream that is given up: its callbacks have to come as well. */
function giveUp (createWriteStream, file) {
  return new Promise(resolve => {
    const log = []
    const out = createWriteStream(file)
    out.on('error', ({ message }) => log.push(message))
    out.write(TEXT, error => log.push(error.code))
    out.on('close', () => resolve([...log, 'close']))
    out.destroy(new Error('mine'))
  })
}

/** And for one that fails. */
function fail (createWriteStream, file) {
  return new Promise(resolve => {
    const log = []
    const out = createWriteStream(`${file}/not/there`)
    out.write(TEXT, error => log.push(error.code))
    out.on('error', ({ code }) => log.push(code))
    out.on('close', () => resolve([...log, 'close']))
  })
}

const USES = { use, giveUp, fail }

describe("jest's", () => {
  afterEach(() => jest.useRealTimers())

  const FAKES = {
    all: () => jest.useFakeTimers(),
    legacy: () => jest.useFakeTimers({ legacyFakeTimers: true }),
    'nextTick alone': () => jest.useFakeTimers({ doNotFake: ['setImmediate', 'setTimeout', 'setInterval', 'queueMicrotask'] }),
    'setImmediate alone': () => jest.useFakeTimers({ doNotFake: ['nextTick', 'setTimeout', 'setInterval', 'queueMicrotask'] })
  }
  const cases = Object.keys(FAKES).flatMap(fake => Object.keys(USES).map(name => [fake, name]))

  test.each(cases)('%s, loaded before: %s()', async (fake, name) => {
    const spillway = require('../..')
    FAKES[fake]()
    const stock = await USES[name](fs.createWriteStream, inFolder('stock'))
    expect(await USES[name](spillway.createWriteStream, inFolder('ours'))).toEqual(stock)
  }, PATIENCE)

  test.each(cases)('%s, loaded with them in place: %s()', async (fake, name) => {
    jest.resetModules()
    FAKES[fake]()
    const spillway = require('../..')
    const stock = await USES[name](fs.createWriteStream, inFolder('stock'))
    expect(await USES[name](spillway.createWriteStream, inFolder('ours'))).toEqual(stock)
  }, PATIENCE)
})

describe("sinon's", () => {
  const SINON = path.join(__dirname, '..', '..', 'node_modules', '@sinonjs', 'fake-timers')
  const TIMERS = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate']
  const CLOCKS = ['Date', 'hrtime', 'performance']
  const FAKES = {
    timers: TIMERS,
    'timers and clocks': [...TIMERS, ...CLOCKS],
    'timers, clocks and queueMicrotask': [...TIMERS, ...CLOCKS, 'queueMicrotask']
  }
  const cases = Object.keys(FAKES).flatMap(fake => Object.keys(USES).map(name => [fake, name]))

  /** What the streams tell under fakes that are installed after ours is loaded: before, node:timers itself is faked. The process has to end by itself. */
  async function run (which, fake, name) {
    const install = `require(${JSON.stringify(SINON)}).install({ toFake: ${JSON.stringify(FAKES[fake])} });`
    const load = 'const make = require(given.which).createWriteStream;'
    const { code, stdout, stderr } = await runScript('stock', `
      const TEXT = ${JSON.stringify(TEXT)}
      ${use} ${giveUp} ${fail}
      ${load + install}
      ${name}(make, file).then(log => console.log(JSON.stringify(log)))`,
    { values: { which: which === 'stock' ? 'node:fs' : path.join(__dirname, '..', '..') }, prefix: ['timeout', '10'] })
    return { code, stdout, stderr }
  }

  test.each(cases)('%s: %s()', async (fake, name) => {
    const stock = await run('stock', fake, name)
    expect(stock).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('close') })
    expect(await run('spillway', fake, name)).toEqual(stock)
  })
})

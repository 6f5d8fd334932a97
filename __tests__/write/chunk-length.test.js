'use strict'

// Chunks that say another length than they have. One that Node hands over alone
// is for `fs.write`, which writes as many bytes as it says, or refuses. Others
// are for `fs.writev`, which writes what each has; behind that Node's stream
// reads other memory, throws or never ends, and ours does not.

const { viewSize } = require('../../lib/chunk.js')
const { runScript } = require('../helpers/child.js')
const { BYTES, PLACES, CHUNKS } = require('../helpers/liars.js')

const CASES = Object.keys(PLACES).flatMap(place => Object.keys(CHUNKS).map(name => ({ place, name })))
const isAlone = ({ place }) => PLACES[place].isAlone
/** Node's stream refuses these, or throws when they are written: it believes `byteLength`, too. */
const isBeyondNode = ({ name }) => /^(byteLength -?3|length (7|ten|null|undefined))$/.test(name)
/** Node counts no number of bytes any more: there is no limit that the next chunk keeps to. */
const isCounted = ({ name }) => !/NaN|Infinity|undefined|ten/.test(name)
const isNoChunk = ({ name }) => name.startsWith('no ')

/** @returns {Promise<object[]>} what came of each of `cases` */
async function play (which, all, { only = () => true, options = {}, isInWorker = false } = {}) {
  const cases = all.filter(only)
  const { code, stdout, stderr } = await runScript(which, `
    const { Worker, isMainThread, parentPort } = require('node:worker_threads')
    const { cases, options, isInWorker, liars } = given
    const show = results => isInWorker ? parentPort.postMessage(results) : console.log(JSON.stringify(results))
    if (isInWorker && isMainThread) new Worker(__filename).on('message', results => console.log(JSON.stringify(results)))
    else require(liars).play(cases, createWriteStream, file, { highWaterMark: 16_384, ...options }, show)`,
  { values: { cases, options, isInWorker, liars: require.resolve('../helpers/liars.js') } })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

const WAYS = [
  ['', {}],
  [' in a worker', { isInWorker: true }],
  [' with a limit on memory', { only: isCounted, options: { backpressure: 'strict', budget: 2 ** 50 } }]
]

test.each(WAYS)('alone%s it is written, or refused, as by Node', async (name, way) => {
  const cases = CASES.filter(one => isAlone(one) && !isBeyondNode(one))
  expect(await play('spillway', cases, way)).toEqual(await play('stock', cases, { ...way, options: {} }))
})

test.each(WAYS)('alone%s all of it is written where Node believes what is no length', async (name, way) => {
  const results = await play('spillway', CASES.filter(one => isAlone(one) && isBeyondNode(one)), way)
  for (const { place, name, content } of results) {
    const { before = '', after = '' } = PLACES[place]
    expect([place, name, content]).toEqual([place, name, before + BYTES + after])
  }
})

test.each(WAYS)('among others%s all of it is written, and nothing else', async (name, way) => {
  const results = await play('spillway', CASES.filter(one => !isAlone(one) && !isNoChunk(one)), way)
  for (const { place, name, log, ...rest } of results) {
    const { before = '', after = '' } = PLACES[place]
    const content = before + (name.endsWith('that is no Buffer') ? BYTES[0].repeat(BYTES.length) : BYTES) + after
    expect({ place, name, ...rest }).toEqual({ place, name, end: 'closed', content, size: content.length, bytesWritten: content.length, length: 0 })
    expect([place, name, log.filter(([what, outcome]) => what === 'callback' && outcome !== null)]).toEqual([place, name, []])
  }
})

test('among others what is no chunk is refused as by Node', async () => {
  const cases = CASES.filter(one => !isAlone(one) && isNoChunk(one))
  const [stock, ours] = [await play('stock', cases), await play('spillway', cases)]
  const seen = ({ place, name, log, end }) => ({ place, name, log, end })
  expect(ours.map(seen)).toEqual(stock.map(seen))
})

test.each(['process.exit()', 'out.write("", () => process.exit())'])('at %s it is all there', async end => {
  const { code, stderr, content } = await runScript('spillway', `
    const out = createWriteStream(file)
    out.write('a')
    for (const length of [15_000, -100, 3]) out.write(Object.defineProperty(Buffer.from(given.bytes), 'length', { value: length }))
    out.write('b')
    ${end}`, { values: { bytes: BYTES } })
  expect([code, stderr, String(content)]).toEqual([0, '', 'a' + BYTES.repeat(3) + 'b'])
})

test('a thousand chunks behind one that lies cost no more than others', async () => {
  const { code, stdout } = await runScript('spillway', `
    const out = createWriteStream(file)
    out.once('ready', () => setImmediate(() => {
      out.write('a')
      out.write(Object.defineProperty(Buffer.from(given.bytes), 'length', { value: 15_000 }))
      let looks = 0
      const { slice } = Array.prototype
      Array.prototype.slice = function (...values) { looks += this.length; return slice.apply(this, values) }
      for (let at = 0; at < 1000; at++) out.write('b')
      Array.prototype.slice = slice
      out.end(() => console.log(looks < 10_000, fs.readFileSync(file, 'latin1') === 'a' + given.bytes + 'b'.repeat(1000)))
    }))`, { values: { bytes: BYTES } })
  expect([code, stdout]).toEqual([0, 'true true\n'])
})

test('the limit on memory goes by what a chunk has, not by its byteLength', async () => {
  const { code, stdout } = await runScript('spillway', `
    const out = createWriteStream(file, { highWaterMark: 16_384, backpressure: 'drop-newest', budget: 16_384 })
    const drops = []
    out.on('drop', size => drops.push(size))
    const chunk = (size, byteLength) => Object.defineProperty(Buffer.alloc(size), 'byteLength', { value: byteLength })
    out.write(chunk(100, 1e9))
    out.write(chunk(20_000, 1))
    out.end(() => console.log(JSON.stringify([drops, out.bytesWritten])))`)
  expect([code, stdout]).toEqual([0, '[[20000],100]\n'])
  // Not all of these are chunks to each Node.
  for (const view of [new Uint8Array(20), new Uint16Array(10), new BigInt64Array(new ArrayBuffer(40), 8, 2), new DataView(new ArrayBuffer(20))]) {
    const { byteLength } = view
    expect(viewSize(Object.defineProperty(view, 'byteLength', { value: 1e9 }))).toBe(byteLength)
  }
})

'use strict'

// The table of docs/guide/options.md: each pair is refused, or gives the right bytes.

const { createHash } = require('node:crypto')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { createWriteStream } = require('../..')
const { decode } = require('../helpers/decode.js')
const { folderForEach } = require('../helpers/folder.js')
const numbered = require('../helpers/numbered.js')

const at = folderForEach()
const list = numbered.chunks(100)
const text = numbered.joined(list)
const OLD = 'what was there before '

const ROOT = path.join(__dirname, '..', '..')

/** The rows of the table: what it says of each pair of options. */
function readTable () {
  const page = fs.readFileSync(path.join(ROOT, 'docs', 'guide', 'options.md'), 'utf8')
  const [, table] = /\n## Which go together\n[^]*?\n(\|[^]*?)\n\n/.exec(page)
  const [head, , ...rows] = table.split('\n').map(line => line.split('|').slice(1, -1).map(cell => cell.trim().replaceAll('`', '')))
  return rows.flatMap(([name, ...cells]) => cells.map((cell, column) => ({ pair: [head[column + 1], name], cell })))
}

/** The options that TypeScript knows. */
function readTypes () {
  const types = fs.readFileSync(path.join(ROOT, 'index.d.ts'), 'utf8')
  const [, body] = /export interface WriteStreamOptions \{([^]*?)\n\}/.exec(types)
  return [...body.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name)
}

/** What each row stands for: options, and those without which it means nothing. */
const VALUES = {
  compress: { compress: 'gzip' },
  digest: { digest: ['sha256', 'crc32'] },
  durable: { durable: true },
  atomic: { atomic: true },
  mkdir: { mkdir: true },
  rotate: { rotate: { size: '10m' } },
  digestOf: { digest: 'sha256', digestOf: 'file' },
  "flags: 'w'": { flags: 'w' },
  "flags: 'wx'": { flags: 'wx' },
  "flags: 'a'": { flags: 'a' },
  "flags: 'r+'": { flags: 'r+' },
  encoding: { encoding: 'latin1' },
  fd: { fd: 'filled in' },
  mode: { mode: 0o600 },
  autoClose: { autoClose: false },
  emitClose: { emitClose: false },
  start: { start: 5 },
  signal: { signal: 'filled in' },
  highWaterMark: { highWaterMark: 1000 },
  lowWaterMark: { highWaterMark: 1000, lowWaterMark: 500 },
  exitTimeout: { exitTimeout: 100 },
  retry: { retry: { interval: 10 } },
  backpressure: { backpressure: 'block' },
  budget: { backpressure: 'block', budget: 40_000, highWaterMark: 30_000 },
  blockTimeout: { backpressure: 'block', blockTimeout: 50 },
  kernelCopy: { kernelCopy: false },
  flush: { flush: true },
  fs: { fs: { ...fs, open: (...args) => fs.open(...args) } },
  objectMode: { objectMode: true }
}

/** Options that mean no more than 'yes' to the others, and of which the table shows one value. */
const nameOf = row => row.replace(/:.*/, '')

const rows = readTable()

test('the table has every option, and every cell says something', () => {
  expect([...new Set(rows.map(({ pair: [, row] }) => nameOf(row)))].sort()).toEqual([...readTypes(), 'objectMode'].sort())
  expect(new Set(rows.map(({ cell }) => cell))).toEqual(new Set(['yes', 'refused', '–']))
  for (const { pair: [one, other], cell } of rows) {
    const back = rows.find(({ pair }) => pair[0] === other && pair[1] === one)
    if (back !== undefined) expect([one, other, back.cell]).toEqual([one, other, cell])
    expect(cell === '–').toBe(one === other)
  }
})

/** The options of a pair, with what stands for an object of its own. */
function optionsOf (pair) {
  const options = Object.assign({}, ...pair.map(name => VALUES[name]))
  if (Array.isArray(VALUES[pair[0]].digest)) options.digest = VALUES[pair[0]].digest
  if (options.signal) options.signal = new AbortController().signal
  return options
}

for (const { pair, cell } of rows) {
  const [one, other] = pair
  if (cell === 'refused') {
    test(`${one} and ${other} are refused`, () => {
      expect(() => createWriteStream(at('file'), { ...optionsOf(pair), ...(other === 'fd' && { fd: 1 }) })).toThrow(expect.objectContaining({
        name: 'TypeError',
        code: 'ERR_INCOMPATIBLE_OPTION_PAIR',
        message: expect.stringMatching(new RegExp(`"(${nameOf(one)}|${nameOf(other)})".*"(${nameOf(one)}|${nameOf(other)})"`))
      }))
      expect(fs.readdirSync(at(''))).toEqual([])
    })
  } else if (cell === 'yes') {
    test(`${one} and ${other} go together`, () => checkTogether(pair))
  }
}

async function checkTogether (pair) {
  const options = optionsOf(pair)
  const file = at(options.mkdir && options.flags !== 'r+' ? 'a/b/file' : 'file')
  const hasOld = !options.mkdir && options.flags !== 'wx'
  if (hasOld || options.flags === 'r+') fs.writeFileSync(file, OLD, { mode: 0o640 })
  if (options.fd) options.fd = fs.openSync(file, 'w')
  const before = hasOld ? fs.statSync(file) : null
  const out = createWriteStream(file, options)
  let told = 0
  for (const chunk of list) if (!out.write(chunk, () => told++)) await once(out, 'drain')
  if (options.atomic) expect(hasOld ? fs.readFileSync(file, 'latin1') : fs.existsSync(file)).toBe(hasOld ? OLD : false)
  out.end()
  await once(out, 'finish')
  checkFile(file, options, before)
  checkDigests(out, file, options)
  expect([told, out.bytesWritten]).toEqual([list.length, text.length])
  if (options.autoClose === false) fs.closeSync(out.fd)
  else if (options.emitClose !== false) await once(out, 'close')
  expect(fs.readdirSync(path.dirname(file))).toEqual(['file'])
}

function checkFile (file, options, before) {
  const bytes = fs.readFileSync(file)
  const own = options.compress ? decode('gzip', options.flags === 'a' ? bytes.subarray(OLD.length) : bytes) : bytes
  expect(own.equals(Buffer.concat([headOf(options, before), text]))).toBe(true)
  const { ino, mode } = fs.statSync(file)
  if (options.atomic && before !== null) expect([ino === before.ino, mode]).toEqual([false, before.mode])
  if (options.mode !== undefined && before === null) expect(mode & 0o777).toBe(options.mode)
}

/** What is before the bytes in the file, as the decoder gives it. */
function headOf ({ compress, rotate, flags = rotate && 'a', start }, before) {
  if (flags === 'a') return Buffer.from(compress || before === null ? '' : OLD)
  if (start !== undefined) return Buffer.alloc(start)
  return Buffer.alloc(0)
}

function checkDigests (out, file, { digest, digestOf }) {
  const hash = bytes => createHash('sha256').update(bytes).digest()
  if (digest === undefined) return expect(() => out.digest()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }))
  expect(out.digest('sha256')).toEqual(digestOf === 'file' ? hash(fs.readFileSync(file)) : hash(text))
}

'use strict'

// `rotate`: a log in several files, of which none is longer than it may be, and no line is lost, twice or cut.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { createWriteStream } = require('../..')
const { decode } = require('../helpers/decode.js')
const { folderForEach } = require('../helpers/folder.js')
const { inOrder } = require('../helpers/log-files.js')

const at = folderForEach()
const names = () => fs.readdirSync(at('')).sort()
const line = number => `line ${number}\n`
const lines = (from, to) => Array.from({ length: to - from }, (_, index) => line(from + index))
const TODAY = /^app-\d{4}-\d\d-\d\d\.(\d+)\.log$/

function open (rotate, options) {
  const out = createWriteStream(at('app.log'), { rotate, ...options })
  const closed = []
  const warnings = []
  out.on('rotate', file => closed.push(file)).on('warning', error => warnings.push(error))
  return Object.assign(out, { closedFiles: closed, warnings })
}

async function writeAll (out, chunks) {
  for (const chunk of chunks) if (!out.write(chunk)) await once(out, 'drain')
}

async function end (out) {
  out.end()
  await once(out, 'close')
  expect(out.warnings).toEqual([])
}

/** All that the files have, the oldest first. */
const content = () => inOrder(at(''), 'app.log').map(name => decodeFile(name)).join('')

function decodeFile (name) {
  const bytes = fs.readFileSync(at(name))
  return (name.endsWith('.gz') ? decode('gzip', bytes) : name.endsWith('.zst') ? decode('zstd', bytes) : bytes).toString()
}

async function until (isTrue) {
  while (!isTrue()) await new Promise(resolve => setTimeout(resolve, 5))
}

test.each([
  ['strings', line],
  ['Buffers', number => Buffer.from(line(number))],
  ['big chunks', number => line(number).padEnd(20_000, `${number % 10}`)],
  ['both', number => number % 50 === 0 ? Buffer.from(line(number).padStart(17_000, '.')) : line(number)]
])('%s are cut nowhere, and no file is longer than it may be', async (_, chunk) => {
  const chunks = Array.from({ length: 3000 }, (_, number) => chunk(number))
  const out = open({ size: '100k' })
  await writeAll(out, chunks)
  await end(out)
  const text = chunks.join('')
  expect(content() === text).toBe(true)
  const closed = inOrder(at(''), 'app.log').slice(0, -1)
  const sizes = closed.map(name => fs.statSync(at(name)).size)
  expect(Math.max(...sizes, 0)).toBeLessThanOrEqual(102_400)
  if (text.length > 200_000) expect(Math.min(...sizes)).toBeGreaterThan(102_400 * 0.8)
  expect(out.closedFiles).toEqual(closed.map((name, index) => ({ path: at(name), bytes: sizes[index] })))
  for (const name of closed) expect(name).toMatch(TODAY)
})

test('what is longer than a file may be has one of its own', async () => {
  const out = open({ size: 10 })
  await writeAll(out, ['abc', 'x'.repeat(100), 'd', 'efghijklm', 'n'])
  await end(out)
  expect(inOrder(at(''), 'app.log').map(name => fs.readFileSync(at(name), 'latin1'))).toEqual(['abc', 'x'.repeat(100), 'defghijklm', 'n'])
})

test('small files are cut at the chunk, and not much before', async () => {
  const out = open({ size: 100 })
  for (const chunk of Array(50).fill('0123456789abcdef0123456789abcd')) out.write(chunk)
  await end(out)
  expect(new Set(out.closedFiles.map(({ bytes }) => bytes))).toEqual(new Set([90]))
})

test('lines are cut nowhere, whatever chunks they come in', async () => {
  const text = lines(0, 50_000).join('')
  for (const length of [1000, 7, 20_000]) {
    const out = open({ size: 3000, lines: true, name: `${length}-%i.log` })
    await writeAll(out, text.match(new RegExp(`[^]{1,${length}}`, 'g')))
    await end(out)
    const closed = out.closedFiles.map(({ path: file }) => fs.readFileSync(file, 'latin1'))
    expect(closed.join('') + fs.readFileSync(at('app.log'), 'latin1') === text).toBe(true)
    expect(closed.filter(content => !content.endsWith('\n') || content.length > 3000)).toEqual([])
    expect(closed.length).toBeGreaterThan(100)
    fs.unlinkSync(at('app.log'))
  }
})

test('a file that exists is gone on with, and numbers go on, whatever was between', async () => {
  for (let from = 0; from < 300; from += 10) {
    const out = open({ size: 200 })
    await writeAll(out, lines(from, from + 10))
    await end(out)
  }
  expect(content()).toBe(lines(0, 300).join(''))
  const numbers = names().filter(name => TODAY.test(name)).map(name => Number(TODAY.exec(name)[1]))
  expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: numbers.length }, (_, index) => index + 1))
  expect(Math.max(...names().map(name => fs.statSync(at(name)).size))).toBeLessThanOrEqual(200)
})

test.each(['gzip', 'zstd', { algorithm: 'gzip', level: 1, threads: 2 }])('closed files are compressed: %p', async compress => {
  const chunks = lines(0, 20_000)
  const out = open({ size: '20k', compress }, { mode: 0o640 })
  await writeAll(out, chunks)
  const isPlain = name => TODAY.test(name)
  await until(() => out.closedFiles.length > 5 && out.closedFiles.length === names().length - 1 && !names().some(isPlain))
  await end(out)
  expect(content() === chunks.join('')).toBe(true)
  for (const { path: file, bytes } of out.closedFiles) {
    expect(file.endsWith(compress === 'zstd' ? '.zst' : '.gz')).toBe(true)
    const { size, mode } = fs.statSync(file)
    expect([size, mode & 0o777]).toEqual([bytes, 0o640])
  }
  expect(names().length).toBe(out.closedFiles.length + 1)
})

test('a closed file that a child process has for a moment is compressed then', async () => {
  const out = open({ size: 10, compress: 'gzip' })
  await new Promise(resolve => out.write('0123456789', resolve))
  // As each child has it between fork(2) and exec(2).
  const child = spawn('sleep', ['0.1'], { stdio: ['ignore', 'ignore', 'ignore', out.fd] })
  await once(child, 'spawn')
  out.write('next')
  const [{ path: file }] = await once(out, 'rotate')
  expect(file).toMatch(/\.1\.log\.gz$/)
  await end(out)
  expect(content()).toBe('0123456789next')
})

test('the last files stay: by number, by age, by bytes', async () => {
  const out = open({ size: 100, keep: 3 })
  await writeAll(out, lines(0, 1000))
  await until(() => out.closedFiles.length > 80 && names().length === 4)
  await end(out)
  const last = content()
  expect(lines(0, 1000).join('').endsWith(last)).toBe(true)
  expect(last.length).toBeGreaterThan(200)

  const old = names().find(name => TODAY.test(name))
  fs.utimesSync(at(old), new Date(), new Date(Date.now() - 86_400_000 * 14 - 60_000))
  const aged = open({ size: 100, keep: '14d' })
  await until(() => !names().includes(old))
  expect(names().length).toBe(3)
  await end(aged)

  const few = open({ size: 100, maxTotal: 150 })
  await until(() => names().length < 3)
  await end(few)
})

test('a stream that keeps few files removes none of another log', async () => {
  const others = ['app-2020-01-01.1.log.bak', 'app-other-2020-01-01.1.log', 'app.log.1', 'app-2020.log', 'application-2020-01-01.1.log']
  for (const name of others) fs.writeFileSync(at(name), 'x')
  fs.writeFileSync(at('app-2020-01-01.1.log'), 'x')
  const out = open({ size: 100, keep: 0 })
  await writeAll(out, lines(0, 100))
  await end(out)
  await until(() => names().every(name => name === 'app.log' || others.includes(name)))
  expect(names()).toEqual([...others, 'app.log'].sort())
})

describe('names', () => {
  const rotateTwice = async rotate => {
    const out = open({ size: 5, ...rotate })
    await writeAll(out, ['first', 'second', 'third'])
    await end(out)
    return out.closedFiles.map(({ path: file }) => path.basename(file))
  }

  test.each([
    [{ name: 'old-%Y%m%d-%i.txt', utc: true }, /^old-\d{8}-1\.txt$/, /^old-\d{8}-2\.txt$/],
    [{ name: '100%%.%i' }, /^100%\.1$/, /^100%\.2$/],
    [{ name: 'app-%Y.log' }, /^app-\d{4}\.log$/, /^app-\d{4}\.2\.log$/],
    [{ name: (time, index) => `app.${String(index).padStart(4, '0')}` }, /^app\.0001$/, /^app\.0002$/],
    [{ name: (time, index) => `app-${time.getTime()}-${index}`, interval: '1d' }, /^app-\d+-1$/, /^app-\d+-2$/]
  ])('%#', async (rotate, ...expected) => {
    const closed = await rotateTwice(rotate)
    expect(closed).toEqual(expected.map(pattern => expect.stringMatching(pattern)))
  })

  test.each([
    ['a/%i', 'ERR_INVALID_ARG_VALUE'],
    ['%q', 'ERR_INVALID_ARG_VALUE'],
    ['app.log', 'ERR_INVALID_ARG_VALUE'],
    ['app-%i.gz', 'ERR_INVALID_ARG_VALUE'],
    ['', 'ERR_INVALID_ARG_VALUE'],
    [() => 5, 'ERR_INVALID_ARG_VALUE'],
    [(time, index) => `${index * 2}`, 'ERR_INVALID_ARG_VALUE'],
    [5, 'ERR_INVALID_ARG_TYPE']
  ])('refused: %#', (name, code) => {
    expect(() => open({ size: 5, name })).toThrow(expect.objectContaining({ code, message: expect.stringContaining('options.rotate.name') }))
    expect(names()).toEqual([])
  })

  test('by which closed files are not known again are refused, if some are to be removed', async () => {
    const name = (time, index) => `${['Jan', 'Feb'][time.getMonth()] ?? 'later'}-${index}`
    expect(() => open({ size: 5, keep: 5, name })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }))
    await end(open({ size: 5, name }))
  })
})

test.each([
  [5, 'ERR_INVALID_ARG_TYPE', 'options.rotate'],
  [true, 'ERR_INVALID_ARG_TYPE', 'options.rotate'],
  [{}, 'ERR_INVALID_ARG_VALUE', 'options.rotate'],
  [{ size: '10q' }, 'ERR_INVALID_ARG_VALUE', 'options.rotate.size'],
  [{ size: 0 }, 'ERR_OUT_OF_RANGE', 'options.rotate.size'],
  [{ size: 1.5 }, 'ERR_OUT_OF_RANGE', 'options.rotate.size'],
  [{ size: [] }, 'ERR_INVALID_ARG_TYPE', 'options.rotate.size'],
  [{ interval: '5x' }, 'ERR_INVALID_ARG_VALUE', 'options.rotate.interval'],
  [{ interval: '7h' }, 'ERR_INVALID_ARG_VALUE', 'options.rotate.interval'],
  [{ interval: '36h' }, 'ERR_INVALID_ARG_VALUE', 'options.rotate.interval'],
  [{ interval: 5 }, 'ERR_INVALID_ARG_TYPE', 'options.rotate.interval'],
  [{ size: 1, keep: -1 }, 'ERR_OUT_OF_RANGE', 'options.rotate.keep'],
  [{ size: 1, keep: 'x' }, 'ERR_INVALID_ARG_VALUE', 'options.rotate.keep'],
  [{ size: 1, keep: true }, 'ERR_INVALID_ARG_TYPE', 'options.rotate.keep'],
  [{ size: 1, maxTotal: 'much' }, 'ERR_INVALID_ARG_VALUE', 'options.rotate.maxTotal'],
  [{ size: 1, compress: 'lzma' }, 'ERR_INVALID_ARG_VALUE', 'options.rotate.compress'],
  [{ size: 1, compress: { algorithm: 'gzip', level: 10 } }, 'ERR_OUT_OF_RANGE', 'options.rotate.compress.level'],
  [{ size: 1, utc: 1 }, 'ERR_INVALID_ARG_TYPE', 'options.rotate.utc'],
  [{ size: 1, lines: 1 }, 'ERR_INVALID_ARG_TYPE', 'options.rotate.lines']
])('%p is refused', (rotate, code, name) => {
  expect(() => open(rotate)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(name) }))
  expect(names()).toEqual([])
})

test.each([false, null, undefined])('%p is none', async rotate => {
  const out = createWriteStream(at('app.log'), { rotate })
  out.end('x')
  await once(out, 'close')
  expect(out.flags).toBe('w')
})

test('reopen() follows a file that was moved', async () => {
  const out = open({ size: '1m' })
  out.write('one')
  out.reopen()
  await once(out, 'reopen')
  fs.renameSync(at('app.log'), at('moved'))
  out.reopen()
  await once(out, 'reopen')
  expect(fs.statSync(at('app.log')).ino).toBe(fs.fstatSync(out.fd).ino)
  expect(() => out.reopen(at('other'))).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }))
  await end(out)
})

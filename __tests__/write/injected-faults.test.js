'use strict'

// Faults that the kernel tells, injected into the calls of a real process. Each
// time: the file is whole, or there is one error and the file is a prefix. Never
// a hang, a hole or a repeated byte.

const { constants: { errno } } = require('node:os')
const { runScript } = require('../helpers/child.js')
const numbered = require('../helpers/numbered.js')
const { testWithFaults, inject, countInjected } = require('../helpers/strace.js')

const list = numbered.chunks()
const text = numbered.joined(list)

/** Each way in which the bytes go to the kernel: the call, and who makes the stream. */
const WAYS = {
  'a file': { call: 'writev', open: 'createWriteStream(file, options)' },
  'a file from `start` on': { call: 'pwritev', open: 'createWriteStream(file, { start: 0, ...options })' },
  'a pipe': { call: 'writev', open: 'intoPipe(fifo => createWriteStream(fifo, options))', suffix: '.fifo' },
  'a blocking pipe': {
    call: 'writev',
    open: 'intoPipe(fifo => createWriteStream(null, { fd: fs.openSync(fifo, "w"), ...options }))',
    suffix: '.fifo'
  }
}

/** Writes the numbered chunks in the pace of a small high-water mark, so that there are many calls, and prints what it heard. */
const WRITES = `
  const { execFileSync, spawn } = require('node:child_process')
  const list = require(given.numbered).chunks()
  const options = { highWaterMark: 65536 }
  const waits = []
  const intoPipe = create => {
    execFileSync('mkfifo', [file + '.fifo'])
    const copy = spawn('cat', [file + '.fifo'], { stdio: ['ignore', fs.openSync(file, 'w'), 'inherit'] })
    waits.push(new Promise(resolve => copy.once('exit', resolve)))
    // Without a reader it would be Node that opens the stream.
    const held = fs.openSync(file + '.fifo', 'w')
    return create(file + '.fifo').once('close', () => fs.closeSync(held))
  }
  const errors = []
  const told = []
  const out = eval(given.open)
  const go = () => {
    while (told.length < list.length && !out.destroyed) {
      const at = told.push('nothing') - 1
      if (!out.write(list[at], error => { told[at] = error?.code ?? 'written' })) return out.once('drain', go)
    }
    out.end()
  }
  out.on('error', ({ code, errno, syscall }) => errors.push({ code, errno, syscall }))
  out.once('close', async () => {
    await Promise.all(waits)
    console.log(JSON.stringify({ errors, told, bytesWritten: out.bytesWritten }))
  })
  go()`

/** @returns {Promise<object>} what the script heard, the file's content and the count of faults */
async function write ({ call, open, suffix }, fault) {
  const { code, stdout, stderr, content } = await runScript('spillway', WRITES, {
    values: { open, numbered: numbered.path },
    prefix: inject(call, fault, suffix)
  })
  return { code, ...JSON.parse(stdout), content, faults: countInjected(stderr) }
}

/** How many of the chunks are whole in the first `size` bytes. */
function wholeChunks (size) {
  let left = size
  const at = list.findIndex(chunk => (left -= Buffer.byteLength(chunk)) < 0)
  return at < 0 ? list.length : at
}

function expectPrefix ({ content, bytesWritten, errors, told }, error) {
  expect(errors).toEqual([error])
  expect(content).toHaveLength(bytesWritten)
  expect(content.equals(text.subarray(0, bytesWritten))).toBe(true)
  const whole = wholeChunks(bytesWritten)
  const expected = told.map((_, at) => at < whole ? 'written' : error.code)
  expect(told).toEqual(expected)
}

function expectWhole ({ content, bytesWritten, errors, told }) {
  expect(errors).toEqual([])
  expect(bytesWritten).toBe(text.length)
  expect(content.equals(text)).toBe(true)
  expect(told).toEqual(list.map(() => 'written'))
}

const FATAL = ['EIO', 'ENOSPC', 'EDQUOT', 'EFBIG', 'EPIPE', 'EBADF']

for (const [name, way] of Object.entries(WAYS)) {
  FATAL.forEach((code, at) => {
    // Calls early and late, among the errors.
    const when = at % 3 + 1
    testWithFaults(`${name}: ${code} at call ${when} is the stream's one error, and the file a prefix`, async () => {
      const result = await write(way, `error=${code}:when=${when}`)
      expect(result.code).toBe(0)
      expect(result.faults).toBeGreaterThan(0)
      expectPrefix(result, { code, errno: -errno[code], syscall: 'write' })
    })
  })

  for (const code of ['EINTR', 'EAGAIN']) {
    testWithFaults(`${name}: ${code} at every other call costs nothing`, async () => {
      const result = await write(way, `error=${code}:when=1+2`)
      expect(result.code).toBe(0)
      expect(result.faults).toBeGreaterThan(2)
      expectWhole(result)
    })
  }
}

/** A stream whose bytes the JS thread writes, since the process ends. */
const WRITES_AT_EXIT = `
  const list = require(given.numbered).chunks()
  const out = createWriteStream(file)
  out.write('')
  process.on('exit', () => {
    for (const chunk of list) out.write(chunk)
  })`

/** As `write`, when the process ends. */
function writeAtExit (fault) {
  return runScript('spillway', WRITES_AT_EXIT, { values: { numbered: numbered.path }, prefix: inject('writev', fault) })
}

testWithFaults('at the end of the process: EINTR at every other call costs nothing', async () => {
  const { content, stderr } = await writeAtExit('error=EINTR:when=1+2')
  expect(countInjected(stderr)).toBeGreaterThan(2)
  expect(content.equals(text)).toBe(true)
})

testWithFaults('at the end of the process: EIO leaves a prefix', async () => {
  const { content, stderr } = await writeAtExit('error=EIO:when=3+')
  expect(countInjected(stderr)).toBeGreaterThan(0)
  expect(content.length).toBeGreaterThan(0)
  expect(content.length).toBeLessThan(text.length)
  expect(content.equals(text.subarray(0, content.length))).toBe(true)
})

const ENDS = `
  const out = createWriteStream(file, { flush: true })
  const log = (name, error) => console.log(name, error?.code, error?.syscall, out.bytesWritten)
  for (const name of ['open', 'finish', 'error', 'close']) out.on(name, value => log(name, value))
  out.write('a', error => log('written', error))
  out.end('b', error => log('ended', error))`

for (const [call, fault] of [
  ['fsync', 'error=EIO:when=1'],
  ['close', 'error=EIO:when=1'],
  ['?open,openat', 'error=EINTR:when=1'],
  ['?open,openat', 'error=EMFILE:when=1+']
]) {
  testWithFaults(`${call} with ${fault} is told as stock tells it`, async () => {
    const run = which => runScript(which, ENDS, { prefix: inject(call, fault) })
    const [stock, ours] = [await run('stock'), await run('spillway')]
    for (const { stderr } of [stock, ours]) expect(countInjected(stderr)).toBeGreaterThan(0)
    expect([ours.code, ours.stdout, String(ours.content)]).toEqual([stock.code, stock.stdout, String(stock.content)])
  })
}

test('no descriptor is left for the file: told as stock tells it', async () => {
  const run = which => runScript(which, `
    const held = []
    // The runtime has what it needs: without that the stream would be Node's own.
    createWriteStream(null, { fd: 1, autoClose: false })
    try { for (;;) held.push(fs.openSync('/dev/null')) } catch {}
    const log = []
    const out = createWriteStream('/dev/null')
    out.on('error', ({ code, errno, syscall, path }) => log.push({ code, errno, syscall, path }))
    out.on('close', () => {
      for (const fd of held) fs.closeSync(fd)
      console.log(JSON.stringify(log))
    })
    out.end('x', error => log.push(error.code))`, { prefix: ['bash', '-c', 'ulimit -n 64; exec "$@"', 'bash'] })
  const [stock, ours] = [await run('stock'), await run('spillway')]
  expect(stock.stdout).toMatch('EMFILE')
  expect(ours).toEqual(stock)
})

test('none is left for the duplicate of what Node has opened: one error, and the file is closed', async () => {
  const { code, stdout, stderr } = await runScript('spillway', `
    const log = []
    const first = createWriteStream('/dev/null')
    // The runtime has what it needs.
    first.on('open', () => {
      const held = []
      try { for (;;) held.push(fs.openSync('/dev/null')) } catch {}
      fs.closeSync(held.pop())
      const out = createWriteStream(file, { fs: { ...fs, open: (...args) => fs.open(...args) } })
      out.write('x', error => log.push(['written', error.code]))
      out.on('error', error => log.push(['error', error.code]))
      out.on('close', () => {
        held.push(fs.openSync('/dev/null'))
        for (const fd of held) fs.closeSync(fd)
        first.end()
        console.log(JSON.stringify(log))
      })
    })`, { prefix: ['bash', '-c', 'ulimit -n 64; exec "$@"', 'bash'] })
  expect([code, stderr]).toEqual([0, ''])
  expect(JSON.parse(stdout)).toEqual([['written', 'EMFILE'], ['error', 'EMFILE']])
})

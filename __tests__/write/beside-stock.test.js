'use strict'

// Where stock loses or misplaces bytes, and we don't. Stock runs beside, so that
// we notice when it is fixed: then what is expected of it here, and README.md, are to change.

const fs = require('node:fs')
const path = require('node:path')
const { runScript } = require('../helpers/child.js')
const numbered = require('../helpers/numbered.js')
const { testWithFaults, inject, countInjected } = require('../helpers/strace.js')
const { smallDisk } = require('../helpers/targets.js')

const list = numbered.chunks()
const text = numbered.joined(list)
const values = { numbered: numbered.path }

/** What `script` does with stock, and with ours. */
async function both (script, options) {
  return { stock: await runScript('stock', script, options), ours: await runScript('spillway', script, options) }
}

test('stdout as a pipe with a slow reader, once process.stdout was touched: stock gives up', async () => {
  const { stock, ours } = await both(`
    process.stdout.write('')
    const out = createWriteStream(null, { fd: 1 })
    const read = () => fs.writeFileSync(file + '.read', '')
    out.on('error', error => {
      console.error(error.code)
      read()
    })
    for (const chunk of require(given.numbered).chunks()) out.write(chunk)
    out.end()
    // The pipe holds some 64 KiB; then it is full for a while.
    const look = () => out.bytesWritten < 32768 ? setImmediate(look) : setTimeout(read, 300)
    look()`, {
    values,
    prefix: file => ['bash', '-c', '"$@" | (until [ -e "$0" ]; do sleep 0.02; done; exec cat)', `${file}.read`]
  })
  expect(stock.stderr).toBe('ERR_SYSTEM_ERROR\n')
  expect(stock.stdout.length).toBeLessThan(text.length)
  expect(ours.stderr).toBe('')
  expect(Buffer.from(ours.stdout).equals(text)).toBe(true)
})

/** A small disk with `room` for a part of the text, or null. */
function diskWithRoom (room) {
  const size = 1024 * 1024
  const disk = smallDisk(size)
  if (disk === null) return null
  const [place, filler] = ['file', 'filler'].map(name => path.join(disk.folder, name))
  fs.writeFileSync(filler, Buffer.alloc(size - room))
  return { place, filler, room, remove: disk.remove, content: () => fs.readFileSync(place) }
}

/**
 * A write that the disk cuts short. The filler goes a while later. With stock
 * the answer to the next call, which says that there is no room, is on its way
 * then: strace delays it. Ours hears of it long before.
 */
const CUT_SHORT = `
  const { place, filler, room } = given.disk
  const out = createWriteStream(place, { start: 0, ...given.options })
  out.on('error', error => console.log(error.code))
  out.on('close', () => console.log(out.bytesWritten))
  out.once('ready', () => {
    out.cork()
    for (const chunk of require(given.numbered).chunks()) out.write(chunk)
    out.uncork()
    out.end()
    const look = () => fs.statSync(place).size < room ? setImmediate(look) : setTimeout(() => fs.rmSync(filler), 100)
    look()
  })`

/** @returns {Promise<{ said: string[], content: Buffer, faults: number }>} */
async function cutShort (which, options = {}) {
  const disk = diskWithRoom(100 * 1024)
  try {
    const { stdout, stderr } = await runScript(which, CUT_SHORT, {
      values: { ...values, options, disk },
      prefix: which === 'stock' ? () => inject('pwritev', 'delay_exit=500000:when=2')(disk.place) : []
    })
    return { said: stdout.trim().split('\n'), content: disk.content(), faults: countInjected(stderr) }
  } finally {
    disk.remove()
  }
}

const canMount = (disk => {
  disk?.remove()
  return disk !== null
})(smallDisk(4096))
const testOnDisk = canMount ? testWithFaults : name => test.skip(`${name}: no small disk may be mounted here`, () => {})

testOnDisk('start, and a disk that is full for a moment: stock tells no error, and the file is wrong', async () => {
  const { said, content, faults } = await cutShort('stock')
  expect(faults).toBeGreaterThan(0)
  expect(said).toHaveLength(1)
  expect(content.equals(text.subarray(0, content.length))).toBe(false)
})

testOnDisk('start, and a disk that is full for a moment: ours tells it, and the file is a prefix', async () => {
  const { said, content } = await cutShort('spillway')
  expect(said).toEqual(['ENOSPC', String(content.length)])
  expect(content.equals(text.subarray(0, content.length))).toBe(true)
})

testOnDisk('start, and a disk that is full for a moment: with retry, the file is whole', async () => {
  const { said, content } = await cutShort('spillway', { retry: { interval: 5 } })
  expect(said).toEqual([String(text.length)])
  expect(content.equals(text)).toBe(true)
})

const ENDS_IN_MID_WRITE = {
  'destroy()': 'out.destroy()',
  'abort()': 'controller.abort()'
}

for (const [name, end] of Object.entries(ENDS_IN_MID_WRITE)) {
  test(`bytesWritten after ${name} in mid-write: stock's is too low`, async () => {
    const { stock, ours } = await both(`
      const controller = new AbortController()
      const out = createWriteStream(file, { signal: controller.signal })
      out.on('error', () => {})
      out.on('close', () => console.log(out.bytesWritten))
      out.write(Buffer.alloc(64 << 20))
      const look = () => fs.statSync(file, { throwIfNoEntry: false })?.size > 0 ? ${end} : setImmediate(look)
      look()`)
    expect(Number(stock.stdout)).toBeLessThan(stock.content.length)
    expect(Number(ours.stdout)).toBe(ours.content.length)
    expect(ours.content.length).toBeGreaterThan(0)
  })
}

test('the reader of a pipe does not read: a process with stock never ends, ours does', async () => {
  const script = `
    require('node:child_process').execFileSync('mkfifo', [file + '.fifo'])
    fs.openSync(file + '.fifo', fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    const out = createWriteStream(file + '.fifo', { exitTimeout: 10 })
    out.write(Buffer.alloc(1_000_000))
    out.once('ready', () => setImmediate(() => process.exit(0)))
    process.on('exit', () => fs.writeSync(1, 'exit'))`
  const [stock, ours] = [
    await runScript('stock', script, { prefix: ['timeout', '--signal=KILL', '3'] }),
    await runScript('spillway', script)
  ]
  expect([stock.code, stock.stdout]).toEqual(['SIGKILL', 'exit'])
  expect([ours.code, ours.stdout]).toEqual([0, 'exit'])
})

test('a descriptor that is closed behind the stream\'s back, and its number used again: stock writes into the other file', async () => {
  const { stock, ours } = await both(`
    const fd = fs.openSync(file, 'w')
    const out = createWriteStream(null, { fd, autoClose: false })
    const links = () => fs.readdirSync('/proc/self/fd').filter(fd => { try { return fs.readlinkSync('/proc/self/fd/' + fd) === file } catch { return false } })
    // While spillway has a duplicate, what comes goes into the right file.
    const whenIdle = then => links().length === 1 ? then() : setImmediate(whenIdle, then)
    out.write('before ', () => whenIdle(() => {
      fs.closeSync(fd)
      const other = fs.openSync(file + '.other', 'w')
      const show = what => console.log(what, other === fd, fs.readFileSync(file + '.other', 'latin1'))
      out.once('error', ({ code, syscall }) => show(code + ' ' + syscall))
      out.once('finish', () => show('finish'))
      out.end('after')
    }))`)
  expect([stock.stdout, String(stock.content)]).toEqual(['finish true after\n', 'before '])
  expect([ours.stdout, String(ours.content)]).toEqual(['EBADF write true \n', 'before '])
})

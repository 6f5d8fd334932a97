'use strict'

// sync() and datasync(): all that was written before is on the device, in order with the writes.

const { once } = require('node:events')
const fs = require('node:fs')
const { finished } = require('node:stream/promises')
const { createWriteStream } = require('../..')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')
const { testWithFaults, trace, callsIn, countInjected } = require('../helpers/strace.js')

const at = folderForEach()

/** What a script acknowledges by a write into another file, as pwrite64. */
const CALLS = 'writev,fdatasync,fsync,pwrite64'

/** A script that sees `acknowledge()` and `out`, and which calls came of it, in their order. */
async function callsOf (script, { options = {}, faults = [] } = {}) {
  const { code, stdout, stderr } = await runScript('spillway', `
    const { once } = require('node:events')
    const acks = fs.openSync(file + '.acks', 'w')
    const acknowledge = () => { fs.writeSync(acks, 'x', 0) }
    const out = createWriteStream(file, given.options)
    const main = async () => { ${script} }
    main()`, { values: { options }, prefix: trace(CALLS, ['.acks'], faults) })
  return { code, stdout, calls: callsIn(stderr), injected: countInjected(stderr) }
}

const METHODS = { sync: 'fsync', datasync: 'fdatasync' }

describe.each(Object.keys(METHODS))('%s()', method => {
  const call = METHODS[method]

  testWithFaults('write, sync, acknowledgement: in this order', async () => {
    const { calls } = await callsOf(`
      await once(out, 'open')
      for (let at = 0; at < 3; at++) {
        out.write('a line\\n')
        await out.${method}()
        acknowledge()
      }
      out.end()`)
    expect(calls).toEqual(Array(3).fill(['writev', call, 'pwrite64']).flat())
  })

  test('is a promise of nothing, or calls back', async () => {
    const out = createWriteStream(at('file'))
    out.write('a')
    const promise = out[method]()
    expect(promise).toBeInstanceOf(Promise)
    expect(await promise).toBe(undefined)
    expect(fs.readFileSync(at('file'), 'latin1')).toBe('a')
    const args = await new Promise(resolve => { expect(out[method]((...args) => resolve(args))).toBe(undefined) })
    expect(args[0] ?? null).toBe(null)
    out.end()
    await finished(out)
  })

  test('waits for what was written before it, and for nothing behind it', async () => {
    const out = createWriteStream(at('file'))
    const order = []
    out.write('a', () => order.push('a'))
    out[method](() => order.push(method))
    out.write('b', () => order.push('b'))
    out.end()
    await finished(out)
    expect(order).toEqual(['a', method, 'b'])
    expect(fs.readFileSync(at('file'), 'latin1')).toBe('ab')
  })

  test('takes no part in what a stream counts', async () => {
    const out = createWriteStream(at('file'), { highWaterMark: 3 })
    expect(out.write('ab')).toBe(true)
    const synced = out[method]()
    expect([out.writableLength, out.writableNeedDrain]).toEqual([2, false])
    expect(out.write('c')).toBe(false)
    await Promise.all([synced, once(out, 'drain')])
    await out[method]()
    expect([out.bytesWritten, out.writableLength, out.stats().writtenBytes, out.stats().acceptedBytes]).toEqual([3, 0, 3, 3])
    out.end('d')
    await finished(out)
    expect(out.bytesWritten).toBe(4)
  })

  test('before the file is open, and while it is corked', async () => {
    const out = createWriteStream(at('file'))
    await out[method]()
    expect(fs.existsSync(at('file'))).toBe(true)
    out.cork()
    out.write('text')
    let isSynced = false
    const synced = out[method]().then(() => { isSynced = true })
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(isSynced).toBe(false)
    out.uncork()
    await synced
    expect(fs.readFileSync(at('file'), 'latin1')).toBe('text')
    out.end()
    await finished(out)
  })

  test('after end() or destroy() it is refused as a write is', async () => {
    const out = createWriteStream(at('file'))
    out.end('text')
    await expect(out[method]()).rejects.toMatchObject({ code: 'ERR_STREAM_WRITE_AFTER_END' })
    await finished(out)
    await expect(out[method]()).rejects.toMatchObject({ code: 'ERR_STREAM_DESTROYED' })
    const error = await new Promise(resolve => out[method](resolve))
    expect(error.code).toBe('ERR_STREAM_DESTROYED')
  })

  test('that is pending when the stream is destroyed is told', async () => {
    const out = createWriteStream(at('file'))
    out.cork()
    out.write('text')
    const synced = out[method]()
    out.destroy()
    await expect(synced).rejects.toMatchObject({ code: 'ERR_STREAM_DESTROYED' })
    if (!out.closed) await once(out, 'close')
  })

  testWithFaults('that fails is the stream\'s error, whatever is waited out, and never tried again', async () => {
    for (const code of ['EIO', 'ENOSPC']) {
      const { code: exit, calls, injected, stdout } = await callsOf(`
        const log = []
        out.on('error', ({ code, syscall, message }) => log.push(['error', code, syscall, message]))
        out.on('stall', () => log.push('stall'))
        await once(out, 'open')
        out.write('text', error => log.push(['written', error?.code]))
        await out.${method}().catch(error => log.push(['synced', error.code]))
        await out.${method}().catch(error => log.push(['again', error.code]))
        if (!out.closed) await new Promise(resolve => out.once('close', resolve))
        console.log(JSON.stringify(log))`, {
        faults: [`${call}:error=${code}:when=1`],
        options: { retry: { codes: ['EIO', 'ENOSPC'], interval: 1 } }
      })
      const [text] = code === 'EIO' ? ['i/o error'] : ['no space left on device']
      expect([exit, injected]).toEqual([0, 1])
      expect(calls.filter(name => name === call)).toHaveLength(1)
      const log = JSON.parse(stdout)
      expect(log).toContainEqual(['again', 'ERR_STREAM_DESTROYED'])
      expect(log).toContainEqual(['error', code, call, `${code}: ${text}, ${call}`])
      expect(log).toContainEqual(['synced', code])
      expect(log).not.toContainEqual('stall')
    }
  })

  testWithFaults('that a signal interrupts is asked for again', async () => {
    const { calls, injected, stdout } = await callsOf(`
      await once(out, 'open')
      out.write('text')
      await out.${method}()
      console.log('synced')
      out.end()`, { faults: [`${call}:error=EINTR:when=1`] })
    expect([injected, stdout]).toEqual([1, 'synced\n'])
    expect(calls).toEqual(['writev', call, call])
  })
})

testWithFaults('ten calls under way are one fdatasync', async () => {
  const { calls } = await callsOf(`
    await once(out, 'open')
    const synced = []
    for (let at = 0; at < 10; at++) {
      out.write('a line\\n')
      synced.push(out.datasync())
    }
    await Promise.all(synced)
    acknowledge()
    out.end()`)
  // The first may have gone ahead of the others.
  expect(calls.filter(name => name === 'fdatasync').length).toBeLessThanOrEqual(2)
  expect(calls.slice(-2)).toEqual(['fdatasync', 'pwrite64'])
})

testWithFaults('that of one who wants more counts for all: sync() among datasync()', async () => {
  const { calls } = await callsOf(`
    await once(out, 'open')
    out.write('a')
    await Promise.all([out.datasync(), out.sync(), out.datasync()])
    out.end()`)
  expect(calls.filter(name => name === 'fsync')).toHaveLength(1)
  expect(calls.filter(name => name === 'fdatasync').length).toBeLessThanOrEqual(1)
})

testWithFaults('`flush: true` stays Node\'s, beside it', async () => {
  const { calls } = await callsOf(`
    out.write('text')
    await out.datasync()
    out.end()`, { options: { flush: true } })
  expect(calls).toEqual(['writev', 'fdatasync', 'fsync'])
})

test('a pipe can\'t be synced: the stream fails, as FileHandle.sync() does', async () => {
  const { execFileSync } = require('node:child_process')
  execFileSync('mkfifo', [at('fifo')])
  const fd = fs.openSync(at('fifo'), fs.constants.O_RDWR)
  const out = createWriteStream(at('fifo'))
  out.on('error', () => {})
  out.write('text')
  await expect(out.sync()).rejects.toMatchObject({ code: 'EINVAL', syscall: 'fsync' })
  fs.closeSync(fd)
})

test('thousands of them among writes: all are told, in order', async () => {
  const out = createWriteStream(at('file'))
  const told = []
  const all = []
  for (let at = 0; at < 2000; at++) {
    out.write(`${at}\n`)
    all.push(out.datasync().then(() => told.push(at)))
  }
  await Promise.all(all)
  expect(told).toEqual(Array.from({ length: 2000 }, (_, at) => at))
  out.end()
  await finished(out)
  expect(fs.readFileSync(at('file'), 'latin1')).toBe(told.map(at => `${at}\n`).join(''))
})

test('a stream in object mode, or with a `_write` of a subclass, has none', async () => {
  const out = createWriteStream(at('file'))
  out._write = (chunk, encoding, callback) => callback()
  await expect(out.sync()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' })
  out.end()
  await finished(out)
})

test('a process that exits meanwhile has the bytes in the file', async () => {
  const { code, stderr, content } = await runScript('spillway', `
    const out = createWriteStream(file)
    out.write('one')
    out.sync().catch(() => {})
    out.write('two')
    process.exit(0)`)
  expect([code, stderr, String(content)]).toEqual([0, '', 'onetwo'])
})

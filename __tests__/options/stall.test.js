'use strict'

// After a full disk the write is retried: 'stall', then 'unstall' at the exact byte.

const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { finished } = require('node:stream/promises')
const { createWriteStream } = require('../..')
const { smallDisk } = require('../helpers/targets.js')

const MIB = 1024 * 1024

/** Numbered lines, so that a hole or a repeated byte shows. */
const LINES = Array.from({ length: 30_000 }, (_, at) => `line ${at} ${'.'.repeat(at % 100)}\n`)
const TEXT = LINES.join('')

describe('a disk of 1 MiB', () => {
  const disk = smallDisk(MIB)
  // A container may not mount; tests/drain.rs has these errors from a target by script.
  const onDisk = disk === null ? test.skip : test
  const at = name => path.join(disk.folder, name)
  /** Fills the disk but for `room` bytes. @returns a function that makes room again */
  const fill = room => {
    fs.writeFileSync(at('filler'), Buffer.alloc(MIB - room))
    return () => fs.rmSync(at('filler'))
  }
  afterEach(() => disk && fs.readdirSync(disk.folder).forEach(name => fs.rmSync(at(name))))
  afterAll(() => disk?.remove())

  onDisk('is waited for when it is full, and the file is whole', async () => {
    const makeRoom = fill(200 * 1024)
    const out = createWriteStream(at('file'), { retry: { interval: 5 }, highWaterMark: 64 * 1024 })
    const events = []
    for (const name of ['drain', 'stall', 'unstall', 'finish', 'error']) out.on(name, () => events.push(name))
    const half = LINES.slice(0, 12_000).join('')
    expect(out.write(half)).toBe(false)
    const [error] = await once(out, 'stall')
    expect(error).toMatchObject({ code: 'ENOSPC', errno: -28, syscall: 'write' })
    // The high-water mark holds.
    expect(out.writableNeedDrain).toBe(true)
    expect(out.stats()).toMatchObject({ stalls: 1, lastError: 'ENOSPC' })
    const before = events.length
    makeRoom()
    await once(out, 'unstall')
    expect(events[before]).toBe('unstall')
    if (out.writableNeedDrain) await once(out, 'drain')
    const rest = LINES.slice(12_000, 14_000).join('')
    out.end(rest)
    await finished(out)
    expect(events.filter(name => name === 'stall' || name === 'unstall')).toEqual(['stall', 'unstall'])
    expect(fs.readFileSync(at('file'), 'latin1')).toBe(half + rest)
  })

  onDisk('fails the stream when it stays full for longer than the limit, with a prefix in the file', async () => {
    fill(200 * 1024)
    const out = createWriteStream(at('file'), { retry: { interval: 5, limit: 20 } })
    const stall = once(out, 'stall')
    let resumes = 0
    out.on('unstall', () => resumes++)
    const told = new Promise(resolve => out.write(TEXT, resolve))
    const failed = new Promise(resolve => out.once('error', resolve))
    await stall
    expect(await failed).toMatchObject({ code: 'ENOSPC', syscall: 'write' })
    expect(await told).toMatchObject({ code: 'ENOSPC' })
    expect(resumes).toBe(0)
    const content = fs.readFileSync(at('file'), 'latin1')
    expect(content.length).toBe(out.bytesWritten)
    expect(TEXT.startsWith(content)).toBe(true)
  })

  onDisk('can be left: destroy() ends the wait', async () => {
    fill(0)
    const out = createWriteStream(at('file'), { retry: { interval: 3_600_000 } })
    out.write('x')
    await once(out, 'stall')
    const closed = new Promise(resolve => out.once('close', resolve))
    // Stock, too, tells a destroy() in mid-write by an error.
    out.on('error', () => {})
    out.destroy()
    await closed
    expect(out.bytesWritten).toBe(0)
  })

  onDisk('is an error when its code is not among those to wait for', async () => {
    fill(0)
    const out = createWriteStream(at('file'), { retry: { codes: ['EDQUOT'] } })
    out.write('x')
    out.on('stall', () => { throw new Error('it is not to wait') })
    const [error] = await once(out, 'error')
    expect(error.code).toBe('ENOSPC')
  })

  onDisk('is told by flushSync() when it is still full', async () => {
    const makeRoom = fill(0)
    const out = createWriteStream(at('file'), { retry: { interval: 5 }, blockTimeout: 20 })
    out.write('x')
    expect(() => out.flushSync()).toThrow(expect.objectContaining({ code: 'ENOSPC', syscall: 'write' }))
    makeRoom()
    out.flushSync()
    expect(fs.readFileSync(at('file'), 'latin1')).toBe('x')
    out.end()
    await finished(out)
  })
})

test.each([
  [{ retry: 1 }, 'ERR_INVALID_ARG_TYPE'],
  [{ retry: { codes: 'ENOSPC' } }, 'ERR_INVALID_ARG_TYPE'],
  [{ retry: { codes: ['ENOSUCH'] } }, 'ERR_INVALID_ARG_VALUE'],
  [{ retry: { interval: '5' } }, 'ERR_INVALID_ARG_TYPE'],
  [{ retry: { interval: -1 } }, 'ERR_OUT_OF_RANGE'],
  [{ retry: { limit: NaN } }, 'ERR_OUT_OF_RANGE']
])('%j is refused: %s', (options, code) => {
  expect(() => createWriteStream('/dev/null', options)).toThrow(expect.objectContaining({ code }))
})

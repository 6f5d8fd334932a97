'use strict'

// `durable: true`: whoever is told that bytes are written may believe that they are on the device.

const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { Readable } = require('node:stream')
const { pipeline } = require('node:stream/promises')
const { createWriteStream } = require('../..')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')
const numbered = require('../helpers/numbered.js')
const { testWithFaults, trace, callsIn, countInjected } = require('../helpers/strace.js')

const at = folderForEach()

/** What a script acknowledges by a write into another file, as pwrite64. */
async function callsOf (script, { options = {}, faults = [], values = {}, calls = 'writev,pwritev,copy_file_range,fdatasync,fsync,pwrite64' } = {}) {
  const { code, stdout, stderr, content } = await runScript('spillway', `
    const { once } = require('node:events')
    const acks = fs.openSync(file + '.acks', 'w')
    const acknowledge = () => { fs.writeSync(acks, 'x', 0) }
    const out = createWriteStream(file, { durable: true, ...given.options })
    const main = async () => { ${script} }
    main()`, { values: { options, ...values }, prefix: trace(calls, ['.acks'], faults) })
  return { code, stdout, content, calls: callsIn(stderr), injected: countInjected(stderr) }
}

/** Whether no call follows a write of bytes before a sync does. */
function isDurable (calls) {
  let isSynced = true
  for (const call of calls) {
    if (call === 'pwrite64' && !isSynced) return false
    if (call === 'fdatasync' || call === 'fsync') isSynced = true
    else if (call !== 'pwrite64') isSynced = false
  }
  return isSynced
}

testWithFaults('write, fdatasync, acknowledgement: in this order', async () => {
  const { calls } = await callsOf(`
    await once(out, 'open')
    for (let at = 0; at < 3; at++) {
      await new Promise(resolve => out.write('a line\\n', resolve))
      acknowledge()
    }
    out.end()`)
  expect(calls).toEqual(Array(3).fill(['writev', 'fdatasync', 'pwrite64']).flat())
})

const ACKNOWLEDGED = {
  'a callback': 'out.write("text", acknowledge); await once(out, "open"); out.write("more", acknowledge); out.end()',
  "'drain'": 'out.on("drain", acknowledge); for (let at = 0; at < 3; at++) { out.write(Buffer.alloc(2000000)); await once(out, "drain") } out.end()',
  "'finish'": 'out.on("finish", acknowledge); out.write("text"); out.end("more")',
  'flushSync()': 'out.write("text"); out.flushSync(); acknowledge(); await once(out, "open"); out.write("more"); out.flushSync(); acknowledge(); out.end()',
  'the end of the process': 'out.write("text"); process.on("exit", acknowledge); process.exit(0)',
  'what a listener for exit has written': 'out.write("text"); process.on("exit", () => { out.write("more"); acknowledge() })',
  'writeFrom()': 'out.write("text"); await out.writeFrom(given.numbered); acknowledge(); out.end()',
  'pipeline()': 'await require("node:stream/promises").pipeline(fs.createReadStream(given.numbered), out); acknowledge()',
  'from `start` on': 'const late = createWriteStream(file, { durable: true, start: 5 }); late.end("text", acknowledge)'
}
for (const [name, script] of Object.entries(ACKNOWLEDGED)) {
  testWithFaults(`${name}: not before the bytes are on the device`, async () => {
    const { code, calls } = await callsOf(script, { values: { numbered: numbered.path } })
    expect(code).toBe(0)
    expect(calls).toContain('pwrite64')
    expect(calls).toContain('fdatasync')
    expect([isDurable(calls), calls]).toEqual([true, calls])
  })
}

testWithFaults('without it nothing is synced', async () => {
  const { calls } = await callsOf('out.end("text", acknowledge)', { options: { durable: false } })
  expect(calls).toEqual(['writev', 'pwrite64'])
})

testWithFaults('those who write meanwhile are synced together', async () => {
  const { calls, stdout } = await callsOf(`
    await once(out, 'open')
    let told = 0
    const writer = async () => {
      for (let at = 0; at < 20; at++) {
        await new Promise(resolve => out.write('a line\\n', resolve))
        told++
      }
    }
    await Promise.all(Array.from({ length: 100 }, writer))
    console.log(told)
    out.end()`)
  expect(stdout).toBe('2000\n')
  const syncs = calls.filter(name => name === 'fdatasync').length
  expect(syncs).toBeGreaterThanOrEqual(20)
  // Each round of a hundred is one, or two if the first of it has gone ahead.
  expect(syncs).toBeLessThan(100)
  expect(isDurable(calls)).toBe(true)
})

test('a producer that never waits hears of its bytes while it goes on', async () => {
  // In memory, if there is a file system there: a disk that is busy would need longer than a producer has memory.
  const folder = fs.mkdtempSync(path.join(fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'spillway-'))
  try {
    const { stdout } = await runScript('spillway', `
      const out = createWriteStream(given.target, { durable: true })
      const chunk = Buffer.alloc(100000)
      let told = 0
      let written = 0
      const go = () => {
        // More than is synced meanwhile.
        for (let at = 0; at < 50; at++) out.write(chunk, () => { told++ })
        written += 50
        if (told > 0 || written > 100000) {
          console.log(told > 0)
          process.reallyExit(0)
        }
        setImmediate(go)
      }
      out.once('open', go)`, { values: { target: path.join(folder, 'file') } })
    expect(stdout).toBe('true\n')
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
})

testWithFaults('a failed fdatasync is the stream\'s error, for good: the callbacks hear it, and it is not tried again', async () => {
  for (const code of ['EIO', 'ENOSPC']) {
    const { code: exit, stdout, calls, injected } = await callsOf(`
      const log = []
      out.on('error', ({ code, syscall }) => log.push(['error', code, syscall]))
      out.on('stall', () => log.push('stall'))
      await once(out, 'open')
      const write = () => new Promise(resolve => out.write('one', error => resolve(log.push(error?.code ?? 'told'))))
      while (!out.errored) await write()
      await write()
      if (!out.closed) await new Promise(resolve => out.once('close', resolve))
      console.log(JSON.stringify([log, out.bytesWritten]))`, {
      // Each thread counts its own: the second of one of them fails.
      faults: [`fdatasync:error=${code}:when=2`],
      options: { retry: { codes: [code], interval: 1 } }
    })
    const [log, bytesWritten] = JSON.parse(stdout)
    const told = log.filter(entry => entry === 'told').length
    expect([exit, injected, calls.filter(name => name === 'fdatasync').length]).toEqual([0, 1, told + 1])
    expect(log.slice(0, told + 1)).toEqual([...Array(told).fill('told'), code])
    expect(log).toContain('ERR_STREAM_DESTROYED')
    expect(log).toContainEqual(['error', code, 'fdatasync'])
    expect(log).not.toContainEqual('stall')
    // What is on the device for certain.
    expect(bytesWritten).toBe(3 * told)
  }
})

test('a pipe has no device: the stream fails, and says why', async () => {
  const { execFileSync } = require('node:child_process')
  execFileSync('mkfifo', [at('fifo')])
  const fd = fs.openSync(at('fifo'), fs.constants.O_RDWR)
  const out = createWriteStream(at('fifo'), { durable: true })
  const told = new Promise(resolve => out.write('text', resolve))
  const [error] = await once(out, 'error')
  expect(error).toMatchObject({ code: 'EINVAL', syscall: 'fdatasync' })
  expect(await told).toBe(error)
  fs.closeSync(fd)
})

test('all ways of writing give the bytes', async () => {
  const list = numbered.chunks()
  const text = numbered.joined(list)
  fs.writeFileSync(at('source'), text)
  const out = createWriteStream(at('file'), { durable: true })
  for (const chunk of list) if (!out.write(chunk)) await once(out, 'drain')
  await out.writeFrom(at('source'))
  await out.datasync()
  await pipeline(fs.createReadStream(at('source')), out, { end: false })
  await pipeline(Readable.from(['a generator']), out)
  expect(out.bytesWritten).toBe(3 * text.length + 11)
  expect(fs.readFileSync(at('file')).equals(Buffer.concat([text, text, text, Buffer.from('a generator')]))).toBe(true)
})

test('what was acknowledged is there after SIGKILL', async () => {
  const { code, stdout, content } = await runScript('spillway', `
    const out = createWriteStream(file, { durable: true })
    let line = 0
    const write = () => {
      const mine = line++
      out.write('line ' + mine + '\\n', () => {
        fs.writeSync(1, mine + '\\n')
        if (mine > 200) process.kill(process.pid, 'SIGKILL')
        write()
      })
    }
    for (let at = 0; at < 10; at++) write()`)
  expect(code).toBe('SIGKILL')
  const told = stdout.trim().split('\n').map(Number)
  const lines = String(content).split('\n')
  expect(told.every(at => lines[at] === `line ${at}`)).toBe(true)
})

test.each([['yes'], [1], [{}]])('durable: %p is refused', durable => {
  expect(() => createWriteStream(at('file'), { durable })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE', message: expect.stringContaining('options.durable') }))
})

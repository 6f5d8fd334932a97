'use strict'

// The memory limit: what happens to a chunk that exceeds it.

const { once } = require('node:events')
const fs = require('node:fs')
const { finished } = require('node:stream/promises')
const { createWriteStream } = require('../..')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')
const { stuckPipe } = require('../helpers/targets.js')

const KIB = 1024
const LID = { highWaterMark: 16 * KIB, budget: 64 * KIB }

const inFolder = folderForEach()

/** Unlike once(), does not mind an 'error'. */
const closed = out => new Promise(resolve => out.once('close', resolve))

/** Whether a call that may say EAGAIN has done something. */
function isDone (call) {
  try {
    return call() > 0
  } catch (error) {
    if (error.code !== 'EAGAIN') throw error
    return false
  }
}

const block = at => Buffer.alloc(10 * KIB, `${at} `)

describe('strict', () => {
  test('a write over the budget fails, and all before it is written', async () => {
    const file = inFolder('file')
    const out = createWriteStream(file, { ...LID, backpressure: 'strict' })
    const errors = []
    const told = []
    out.on('error', error => errors.push(error))
    // In one run, so that none of it counts as written.
    const answers = Array.from({ length: 8 }, (_, at) => out.write(block(at), error => told.push(error?.code ?? at)))
    expect(answers).toEqual([true, false, false, false, false, false, false, false])
    await closed(out)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toBeInstanceOf(RangeError)
    expect(errors[0]).toMatchObject({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
    expect(told.slice().sort()).toEqual([0, 1, 2, 3, 4, 5, 'ERR_OUT_OF_RANGE', 'ERR_STREAM_DESTROYED'].sort())
    expect(fs.readFileSync(file).equals(Buffer.concat([0, 1, 2, 3, 4, 5].map(block)))).toBe(true)
    expect(out.bytesWritten).toBe(60 * KIB)
  })

  test('with autoClose false the error is told, and the stream goes on', async () => {
    const file = inFolder('file')
    const out = createWriteStream(file, { ...LID, backpressure: 'strict', autoClose: false })
    const errors = []
    out.on('error', error => errors.push(error.code))
    for (let at = 0; at < 7; at++) out.write(block(at))
    expect(errors).toEqual([])
    await new Promise(resolve => out.once('drain', resolve))
    expect(errors).toEqual(['ERR_OUT_OF_RANGE'])
    expect(fs.statSync(file).size).toBe(60 * KIB)
    const close = closed(out)
    out.destroy()
    await close
  })

  test('the first of the writes before it ends alone, while the others wait for a reader: the stream ends all the same', async () => {
    const pipe = stuckPipe(inFolder())
    const filler = fs.openSync(pipe.path, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK)
    while (isDone(() => fs.writeSync(filler, block(0))));
    const out = createWriteStream(pipe.path, { highWaterMark: 64 * KIB, budget: 256 * KIB, backpressure: 'strict' })
    const failed = new Promise(resolve => out.once('error', resolve))
    await once(out, 'ready')
    while (!out.errored) out.write(block(1))
    // Until nobody looks at the stream by a timer any more.
    await new Promise(resolve => setTimeout(resolve, 50))
    const reader = fs.openSync(pipe.path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    // What is settled jumps past the offset of which Rust is to tell, the one at which 'drain' was owed first.
    for (let left = 10; left > 0;) if (isDone(() => fs.readSync(reader, Buffer.alloc(8 * KIB)))) left--
    while (out.stats().writtenChunks === 0) await new Promise(resolve => setImmediate(resolve))
    fs.closeSync(reader)
    fs.closeSync(filler)
    await pipe.read()
    expect(await failed).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    pipe.close()
  })

  test('who waits for drain never meets it, though chunks are bigger than the mark', async () => {
    const file = inFolder('file')
    const out = createWriteStream(file, { ...LID, backpressure: 'strict' })
    for (let at = 0; at < 100; at++) {
      if (!out.write(Buffer.alloc(40 * KIB, at))) await once(out, 'drain')
    }
    out.end()
    await finished(out)
    expect(fs.statSync(file).size).toBe(4000 * KIB)
  })

  test('what is corked counts', async () => {
    const out = createWriteStream(inFolder('file'), { ...LID, backpressure: 'strict' })
    out.on('error', () => {})
    out.cork()
    for (let at = 0; at < 6; at++) out.write(block(at))
    const [error] = await new Promise(resolve => out.write(block(6), (...told) => resolve(told)))
    expect(error.code).toBe('ERR_OUT_OF_RANGE')
    if (!out.closed) await closed(out)
  })

  test('the last chunk of a corked stream counts, too', async () => {
    const file = inFolder('file')
    const out = createWriteStream(file, { ...LID, backpressure: 'strict' })
    await once(out, 'open')
    const failed = new Promise(resolve => out.once('error', resolve))
    const close = closed(out)
    out.cork()
    for (let at = 0; at < 6; at++) out.write(block(at))
    out.end(block(6))
    expect(await failed).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    await close
    expect(out.bytesWritten).toBe(fs.statSync(file).size)
  })

  test('a string counts its bytes, not its characters', async () => {
    const out = createWriteStream(inFolder('file'), { ...LID, backpressure: 'strict' })
    out.write('é'.repeat(32 * KIB))
    const error = new Promise(resolve => out.once('error', resolve))
    const close = closed(out)
    out.write('é')
    expect((await error).code).toBe('ERR_OUT_OF_RANGE')
    await close
    expect(out.bytesWritten).toBe(64 * KIB)
  })
})

describe('block', () => {
  test('write() waits for room, so that all is written', async () => {
    const file = inFolder('file')
    const out = createWriteStream(file, { ...LID, backpressure: 'block' })
    let highest = 0
    for (let at = 0; at < 2000; at++) {
      out.write(block(at))
      highest = Math.max(highest, out.writableLength)
    }
    expect(highest).toBeLessThanOrEqual(LID.budget)
    out.end()
    await finished(out)
    const content = fs.readFileSync(file)
    expect(content.length).toBe(2000 * 10 * KIB)
    expect(Array.from({ length: 2000 }, (_, at) => content.subarray(at * 10 * KIB, (at + 1) * 10 * KIB).equals(block(at))).every(Boolean)).toBe(true)
  })

  test('write() waits in vain for a pipe that nobody reads: the error of strict', async () => {
    const pipe = stuckPipe(inFolder())
    const out = createWriteStream(pipe.path, { ...LID, backpressure: 'block', blockTimeout: 20 })
    const failed = new Promise(resolve => out.once('error', resolve))
    await once(out, 'open')
    const sent = []
    for (let at = 0; at < 100 && !out.destroyed; at++) out.write(block(at), error => error || sent.push(at))
    const reading = pipe.read()
    expect(await failed).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    // All before it gets there.
    expect((await reading).equals(Buffer.concat(sent.map(block)))).toBe(true)
    expect(sent.length).toBeGreaterThanOrEqual(6)
    pipe.close()
  })

  test('who does not want to wait for what is left destroys the stream once more', async () => {
    const pipe = stuckPipe(inFolder())
    const out = createWriteStream(pipe.path, { ...LID, backpressure: 'block', blockTimeout: 0 })
    const closed = new Promise(resolve => out.once('close', resolve))
    const failed = new Promise(resolve => out.once('error', resolve))
    await once(out, 'open')
    for (let at = 0; at < 100 && !out.destroyed; at++) out.write(block(at))
    expect(out.destroyed).toBe(true)
    out.destroy()
    expect(await failed).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    await closed
    pipe.close()
  })

  test('a chunk that is bigger than the budget does not wait', async () => {
    const out = createWriteStream(inFolder('file'), { ...LID, backpressure: 'block' })
    const failed = new Promise(resolve => out.once('error', resolve))
    const close = closed(out)
    expect(out.write(Buffer.alloc(65 * KIB))).toBe(false)
    expect(await failed).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    await close
  })
})

describe('drop-newest', () => {
  test('chunks that do not fit are dropped whole, told and counted', async () => {
    const pipe = stuckPipe(inFolder())
    const out = createWriteStream(pipe.path, { ...LID, backpressure: 'drop-newest' })
    const sizes = []
    out.on('drop', size => sizes.push(size))
    await once(out, 'open')
    const told = []
    for (let at = 0; at < 100; at++) out.write(block(at), error => told.push([at, error?.code ?? 'written']))
    const { droppedBytes, droppedChunks, acceptedChunks } = out.stats()
    expect(droppedChunks).toBe(sizes.length)
    expect(droppedChunks).toBeGreaterThan(0)
    expect(acceptedChunks + droppedChunks).toBe(100)
    expect(droppedBytes).toBe(droppedChunks * 10 * KIB)
    expect(sizes.every(size => size === 10 * KIB)).toBe(true)
    out.end()
    const content = await pipe.read()
    await finished(out)
    const written = told.filter(([, what]) => what === 'written').map(([at]) => at)
    expect(content.equals(Buffer.concat(written.map(block)))).toBe(true)
    expect(told.filter(([, what]) => what === 'ERR_OUT_OF_RANGE')).toHaveLength(droppedChunks)
    pipe.close()
  })

  test('a chunk that can never fit does not stop the stream', async () => {
    const file = inFolder('file')
    const out = createWriteStream(file, { ...LID, backpressure: 'drop-newest' })
    expect(out.write(Buffer.alloc(65 * KIB))).toBe(true)
    out.end('small')
    await finished(out)
    expect(fs.readFileSync(file, 'latin1')).toBe('small')
  })
})

test('without a policy there is no lid, as in Node', async () => {
  const file = inFolder('file')
  const out = createWriteStream(file, LID)
  for (let at = 0; at < 100; at++) out.write(block(at))
  out.end()
  await finished(out)
  expect(fs.statSync(file).size).toBe(1000 * KIB)
})

test.each([
  [{ backpressure: 'drop-oldest' }, 'ERR_INVALID_ARG_VALUE'],
  [{ backpressure: 'unbounded' }, 'ERR_INVALID_ARG_VALUE'],
  [{ backpressure: 1 }, 'ERR_INVALID_ARG_VALUE'],
  [{ budget: '1' }, 'ERR_INVALID_ARG_TYPE'],
  [{ budget: 1000 }, 'ERR_OUT_OF_RANGE'],
  [{ budget: NaN }, 'ERR_OUT_OF_RANGE'],
  [{ blockTimeout: -1 }, 'ERR_OUT_OF_RANGE'],
  [{ blockTimeout: 'soon' }, 'ERR_INVALID_ARG_TYPE'],
  [{ exitTimeout: -1 }, 'ERR_OUT_OF_RANGE'],
  [{ exitTimeout: {} }, 'ERR_INVALID_ARG_TYPE']
])('%j is refused: %s', (options, code) => {
  expect(() => createWriteStream('/dev/null', options)).toThrow(expect.objectContaining({ code }))
})

const MIB = 1024 * KIB
const BUDGET = 4 * MIB
/** What the loops write; more of it shows the same. */
const TOTAL = Number(process.env.SPILLWAY_MIB ?? 256) * MIB
const CHUNKS = {
  'strings, always the same': '() => line',
  'strings, always fresh': 'at => at + line',
  'Buffers, always the same': '() => big',
  'Buffers, always fresh': 'at => Buffer.alloc(65536, at)'
}

/** The most memory, in bytes, that the process has had. */
const PEAK = "const peak = () => Number(/VmHWM:\\s+(\\d+)/.exec(fs.readFileSync('/proc/self/status', 'latin1'))[1]) * 1024"

/** How much memory, in bytes, a loop takes that writes TOTAL bytes by `policy`, or writes nothing. */
async function growth (chunk, policy) {
  const { code, stdout, stderr } = await runScript('spillway', `${PEAK}
    const line = 'x'.repeat(999) + '\\n'
    const big = Buffer.alloc(65536, 'x')
    const chunk = ${chunk}
    const policy = ${JSON.stringify(policy)}
    const out = policy && createWriteStream('/dev/null', { budget: ${BUDGET}, backpressure: policy })
    out?.on('error', error => { if (error.code !== 'ERR_OUT_OF_RANGE') throw error })
    const before = peak()
    // Without a stream: what it costs to make the chunks, and to read a string.
    const scratch = Buffer.alloc(4096)
    const write = part => out ? out.write(part) : typeof part === 'string' && scratch.utf8Write(part)
    let at = 0
    let garbage = 0
    for (let size = 0; size < ${TOTAL} && !out?.destroyed;) {
      const part = chunk(at++)
      size += part.length
      garbage += part.length
      write(part)
      // How long the loop's own garbage waits is V8's affair, and differs by version and by run.
      if (garbage < ${MIB}) continue
      garbage = 0
      gc()
    }
    const { droppedChunks, acceptedChunks } = out?.stats() ?? {}
    if (policy === 'block' && acceptedChunks !== at) throw new Error(acceptedChunks + ' of ' + at)
    if (policy === 'drop-newest' && acceptedChunks + droppedChunks !== at) throw new Error('lost')
    console.log(peak() - before)`, { args: ['--expose-gc'] })
  expect([code, stderr]).toEqual([0, ''])
  return Number(stdout)
}

test('a loop that never yields fills the same memory again', async () => {
  const { stdout, stderr } = await runScript('spillway', `${PEAK}
    const fifo = file + '.fifo'
    require('node:child_process').execFileSync('mkfifo', [fifo])
    const reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    const line = 'x'.repeat(1024)
    const bytes = Buffer.alloc(65536)
    /** How many bytes there were, if any. */
    const read = () => {
      try {
        return fs.readSync(reader, bytes)
      } catch (error) {
        if (error.code !== 'EAGAIN') throw error
        return 0
      }
    }
    const out = createWriteStream(fifo, { budget: ${BUDGET}, backpressure: 'block' })
    out.on('open', () => {
      let before
      for (let times = 0; times < 25; times++) {
        for (let left = ${BUDGET}; left > 0; left -= line.length) out.write(line)
        for (let left = ${BUDGET}; left > 0;) left -= read()
        // The errors of read() are garbage.
        gc()
        // By then V8 has compiled what it will.
        if (times === 5) before = peak()
      }
      console.log(peak() - before)
      out.destroy()
    })`, { args: ['--expose-gc'] })
  expect(stderr).toBe('')
  // What is above FREE_SLABS would be made anew each time: 40 MiB in all.
  expect(Number(stdout)).toBeLessThan(10 * MIB)
})

describe.each(Object.entries(CHUNKS))('a loop that never looks at the answer: %s', (kind, chunk) => {
  let bare
  beforeAll(async () => { bare = await growth(chunk, null) })

  test.each(['strict', 'block', 'drop-newest'])('%s', async policy => {
    const more = await growth(chunk, policy) - bare
    console.log(`${policy}, ${kind}: ${(more / MIB).toFixed(1)} MiB more than the loop itself, which takes ${(bare / MIB).toFixed(1)}`)
    expect(more).toBeLessThan(BUDGET + 8 * MIB)
  })
})

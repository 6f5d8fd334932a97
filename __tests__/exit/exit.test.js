'use strict'

// The end of the process: nothing that was accepted is lost. Stock loses most of it.

const { runScript } = require('../helpers/child.js')

const COUNT = 3000

/** Lines and blocks, numbered; the same in the child and here. */
function chunks (count) {
  const list = []
  for (let at = 0; at < count; at++) list.push(at % 50 === 0 ? Buffer.alloc(20_000, `${at} `) : `line ${at}\n`)
  return list
}

const expected = Buffer.concat(chunks(COUNT).map(chunk => Buffer.from(chunk)))
const values = { COUNT, chunks: String(chunks) }
const PRELUDE = 'const chunks = eval("(" + given.chunks + ")")(given.COUNT); const out = createWriteStream(file, { flags: "a" });'

const ENDS = {
  'process.exit() right after write()': 'for (const chunk of chunks) out.write(chunk); process.exit(0)',
  'process.exit() after open': 'out.on("ready", () => { for (const chunk of chunks) out.write(chunk); process.exit(0) })',
  'process.exit() some turns later': 'for (const chunk of chunks) out.write(chunk); setImmediate(() => setImmediate(() => process.exit(0)))',
  'process.exit() after end()': 'for (const chunk of chunks) out.write(chunk); out.end(); process.exit(0)',
  'process.exit() with the last chunk given to end()': 'for (const chunk of chunks.slice(0, -1)) out.write(chunk); out.end(chunks.at(-1)); process.exit(0)',
  'process.exit() while corked': 'out.cork(); for (const chunk of chunks) out.write(chunk); process.exit(0)',
  'an uncaught exception': 'for (const chunk of chunks) out.write(chunk); throw new Error("uncaught")',
  'an unhandled rejection': 'for (const chunk of chunks) out.write(chunk); Promise.reject(new Error("unhandled"))',
  'falling off the end without end()': 'for (const chunk of chunks) out.write(chunk)',
  'process.exit() while an open that was patched is under way': 'fs.open = () => {}; const late = createWriteStream(file); for (const chunk of chunks) late.write(chunk); process.exit(0)',
  'a listener for exit that writes': 'process.on("exit", () => { for (const chunk of chunks) out.write(chunk) })',
  'a listener for exit that writes line by line, later than ours': 'out.write(chunks[0]); process.on("exit", () => { for (const chunk of chunks.slice(1)) out.write(chunk) })',
  'a stream that is made in a listener for exit': 'out.write(""); process.on("exit", () => { const late = createWriteStream(file); for (const chunk of chunks) late.write(chunk) })',
  'one that is made there while fs.open is patched': 'fs.open = () => {}; process.on("exit", () => { const late = createWriteStream(file); for (const chunk of chunks) late.write(chunk) })',
  'process.exit() in a write\'s callback': 'for (const chunk of chunks) out.write(chunk, () => process.exit(0))'
}

for (const [name, script] of Object.entries(ENDS)) {
  test(`${name} loses nothing`, async () => {
    const { content, code } = await runScript('spillway', PRELUDE + script, { values })
    expect(code).toBe(/uncaught|unhandled/.test(script) ? 1 : 0)
    expect(content.equals(expected)).toBe(true)
  })
}

test('process.exit() in a worker loses nothing', async () => {
  const script = `
    const { Worker, isMainThread } = require('node:worker_threads')
    if (isMainThread) new Worker(__filename)
    else { ${PRELUDE} for (const chunk of chunks) out.write(chunk); process.exit(0) }`
  const { content } = await runScript('spillway', script, { values })
  expect(content.equals(expected)).toBe(true)
})

test('worker.terminate() loses nothing that was accepted before', async () => {
  const script = `
    const { Worker, isMainThread, parentPort } = require('node:worker_threads')
    if (isMainThread) {
      const worker = new Worker(__filename)
      worker.on('message', () => worker.terminate())
    } else {
      ${PRELUDE}
      for (const chunk of chunks) out.write(chunk)
      parentPort.postMessage('written')
      for (;;);
    }`
  const { content } = await runScript('spillway', script, { values })
  expect(content.equals(expected)).toBe(true)
})

test('stock loses bytes at process.exit(): why this is tested', async () => {
  const { content } = await runScript('stock', `${PRELUDE} for (const chunk of chunks) out.write(chunk); process.exit(0)`, { values })
  expect(content?.equals(expected) ?? false).toBe(false)
})

const FIFOS = `
  const { execFileSync } = require('node:child_process')
  const fifo = name => {
    execFileSync('mkfifo', [file + name])
    return file + name
  }
  // Somebody who could read, but does not.
  const stuck = name => {
    fs.openSync(fifo(name), fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    return createWriteStream(file + name)
  };`

test('an exit does not wait for ever for a pipe that nobody reads, and says what is lost', async () => {
  const { code, stderr } = await runScript('spillway', `${FIFOS}
    const out = stuck('.fifo')
    out.write(Buffer.alloc(1_000_000))
    out.on('ready', () => process.exit(0))`)
  expect(code).toBe(0)
  expect(stderr).toMatch(/SpillwayWarning: \d+ bytes could not be written to .*fifo before the process ended/)
})

test('nor for a FIFO that Node was to open and that has no reader', async () => {
  const { code, stderr } = await runScript('spillway', `${FIFOS}
    fs.open = () => {}
    createWriteStream(fifo('.fifo')).write('x')
    process.exit(0)`)
  expect(code).toBe(0)
  expect(stderr).toMatch(/SpillwayWarning: 1 bytes could not be written/)
})

test('many pipes that nobody reads cost no more time than one, and the other streams none of their bytes', async () => {
  const exit = count => runScript('spillway', `${FIFOS}
    const others = Array.from({ length: ${count} }, (_, at) => stuck('.' + at))
    for (const other of others) other.write(Buffer.alloc(1_000_000))
    const chunks = eval("(" + given.chunks + ")")(given.COUNT)
    const out = createWriteStream(file)
    for (const chunk of chunks) out.write(chunk)
    others.at(-1).on('ready', () => {
      const start = process.hrtime.bigint()
      process.on('exit', () => console.log(Number(process.hrtime.bigint() - start)))
      process.exit(0)
    })`, { values })
  const [one, many] = await Promise.all([exit(1), exit(6)])
  expect([one.code, many.code]).toEqual([0, 0])
  expect(many.stdout / one.stdout).toBeLessThan(3)
  expect(many.content.equals(expected)).toBe(true)
  expect(many.stderr.match(/SpillwayWarning/g)).toHaveLength(6)
})

for (const which of ['stock', 'spillway']) {
  test(`an idle open stream does not keep the process alive: ${which}`, async () => {
    const { code, stdout } = await runScript(which, `
      const out = createWriteStream(file)
      out.write('x', () => console.log('written'))
      process.on('exit', () => console.log('exit', out.writableLength))`)
    expect([code, stdout]).toEqual([0, 'written\nexit 0\n'])
  })

  test(`a drain, a callback and a finish that are owed do: ${which}`, async () => {
    const { code, stdout } = await runScript(which, `
      const big = Buffer.alloc(5_000_000)
      const one = createWriteStream(file)
      one.write(big)
      one.once('drain', () => {
        console.log('drain')
        one.write(big, () => {
          console.log('callback')
          one.end(big)
          one.on('finish', () => console.log('finish'))
          one.on('close', () => console.log('close'))
        })
      })`)
    expect([code, stdout]).toEqual([0, 'drain\ncallback\nfinish\nclose\n'])
  })

  test(`an error of what nobody waits for is told before the process ends: ${which}`, async () => {
    const { code, stderr } = await runScript(which, 'createWriteStream("/dev/full").write("x")')
    expect(code).toBe(1)
    expect(stderr).toMatch('ENOSPC: no space left on device, write')
  })
}

test('a file whose open is Node\'s own and still under way: the loss is told', async () => {
  const { code, stderr } = await runScript('spillway', `
    const out = createWriteStream(file, { fs: { ...fs, open: (...args) => fs.open(...args) } })
    out.write('text')
    // Behind the tick in which Node calls open().
    process.nextTick(() => process.exit(0))`)
  expect(code).toBe(0)
  expect(stderr).toMatch(/SpillwayWarning: 4 bytes could not be written to \S+file before the process ended/)
})

test('what a listener for exit writes is in the file when write() returns, behind a write under way, too', async () => {
  const { content, stdout } = await runScript('spillway', `
    const out = createWriteStream(file)
    out.on('ready', () => {
      out.write('a')
      // These two go by the lane.
      out.write('b')
      out.write('c')
      process.on('exit', () => {
        out.write('d')
        console.log(fs.readFileSync(file, 'utf8'))
      })
      process.exit()
    })`)
  expect([content.toString(), stdout]).toEqual(['abcd', 'abcd\n'])
})

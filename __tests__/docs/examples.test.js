'use strict'

// Each example as a process of its own: what it writes, how far its buffer
// fills, what memory it takes beside stock, and what it leaves behind.

const { spawn, spawnSync } = require('node:child_process')
const crypto = require('node:crypto')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { Readable } = require('node:stream')
const { pipeline } = require('node:stream/promises')
const zlib = require('node:zlib')

const EXAMPLES = path.join(__dirname, '..', '..', 'examples')
const STOCK = path.join(__dirname, '..', 'helpers', 'stock.js')
const WATCH = path.join(__dirname, '..', 'helpers', 'watch.js')

/** A real file of about 100 MB. */
const SOURCE = process.execPath
const MiB = 1024 * 1024
/**
 * What our memory may be above stock's while garbage is collected at once: a
 * high-water mark's worth, and what gzip holds. 3 to 8 MiB were seen, 16 with gzip on Node 26.
 */
const MORE_MEMORY = 24 * MiB

/** Only for what hangs: nothing here is measured in time. */
jest.setTimeout(10 * 60 * 1000)

const children = new Set()
let folder, results, temporary

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-test-'))
  results = path.join(folder, 'results')
  temporary = path.join(folder, 'temporary')
  fs.mkdirSync(results)
  fs.mkdirSync(temporary)
})

afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
})

afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true })
})

/** Starts an example, whose own temporary files come into `temporary`. */
function start (name, args, preloaded = []) {
  const flags = preloaded.flatMap(helper => ['-r', helper])
  const child = spawn(process.execPath, [...flags, path.join(EXAMPLES, `${name}.js`), ...args.map(String)], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe']
  })
  children.add(child)
  child.on('close', () => children.delete(child))
  return child
}

/** Runs an example to its end. */
async function run (name, args, preloaded) {
  const child = start(name, args, preloaded)
  const [[code], stdout, stderr, watched] = await Promise.all([
    once(child, 'close'),
    ...child.stdio.slice(1).map(text)
  ])
  return { code, stdout, stderr, watched: watched === '' ? null : JSON.parse(watched) }
}

async function text (stream) {
  stream.setEncoding('utf8')
  let all = ''
  for await (const chunk of stream) all += chunk
  return all
}

async function sha256 (...streams) {
  const hash = crypto.createHash('sha256')
  await pipeline(...streams, hash)
  return hash.digest('hex')
}

const sha256OfFile = file => sha256(fs.createReadStream(file))
const sha256OfStrings = strings => sha256(Readable.from(strings, { objectMode: false }))

/** `count` times 'Hello\n', many at a time. */
function * hellos (count) {
  const many = 10000
  for (let left = count; left > 0; left -= many) yield 'Hello\n'.repeat(Math.min(many, left))
}

/** Rows 1 to `count` as the example is to write them. */
function * rows (count) {
  let lines = ''
  for (let id = 1; id <= count; id++) {
    lines += `${id},user ${id},${id % 2 ? 'false' : 'true'}\n`
    if (lines.length < 65536 && id < count) continue
    yield lines
    lines = ''
  }
}

async function isCopy (file) {
  expect(await sha256OfFile(file)).toBe(await sha256OfFile(SOURCE))
}

async function isGzipped (file) {
  expect(await sha256(fs.createReadStream(file), zlib.createGunzip())).toBe(await sha256OfFile(SOURCE))
}

const areHellos = count => async file => {
  expect(fs.statSync(file).size).toBe(count * 'Hello\n'.length)
  expect(await sha256OfFile(file)).toBe(await sha256OfStrings(hellos(count)))
}

const areRows = count => async file => {
  expect(await sha256OfFile(file)).toBe(await sha256OfStrings(rows(count)))
}

const RUNS = [
  { name: 'pause-resume', input: SOURCE, isRight: isCopy },
  { name: 'pipe', input: SOURCE, isRight: isCopy },
  { name: 'for-await', input: SOURCE, isRight: isCopy },
  { name: 'write-many', input: 100000, isRight: areHellos(100000) },
  { name: 'write-many', input: 10000000, isRight: areHellos(10000000) },
  { name: 'video-copy', input: SOURCE, isRight: isCopy },
  { name: 'gzip', input: SOURCE, isRight: isGzipped },
  { name: 'rows', input: 1000000, isRight: areRows(1000000) },
  { name: 'copy', input: SOURCE, isRight: isCopy }
]
const NAMES = [...new Set(RUNS.map(({ name }) => name))]

test('every example is tested', () => {
  const files = fs.readdirSync(EXAMPLES).filter(file => file.endsWith('.js'))
  expect(NAMES.map(name => `${name}.js`).sort()).toEqual(files.sort())
})

/** What the runs of this process were seen to take, to compare them. */
const peaks = new Map()

describe.each(RUNS)('examples/$name.js $input', ({ name, input, isRight }) => {
  let ours, stock, seen, destination

  beforeAll(async () => {
    destination = path.join(results, 'ours')
    ours = await run(name, [input, destination], [WATCH])
    stock = await run(name, [input, path.join(results, 'stock')], [STOCK, WATCH])
    seen = ours.watched.streams[0]
    peaks.set(`${name} ${input}`, ours.watched.peakMemory)
  })

  afterAll(() => {
    for (const file of fs.readdirSync(results)) fs.rmSync(path.join(results, file))
  })

  test('is done without a complaint, and says how much it wrote and what it took', () => {
    for (const { code, stdout, stderr } of [ours, stock]) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toMatch(/peak memory \d+ MiB$/m)
    }
    if (name !== 'copy') expect(ours.stdout).toMatch(new RegExp(`\\b${seen.bytesWritten}\\b`))
  })

  test('writes the right file', async () => {
    await isRight(destination)
    expect(fs.statSync(destination).size).toBe(seen.bytesWritten)
  })

  test('never fills the buffer beyond the mark and one chunk, and ends with it empty', () => {
    expect(ours.watched.streams).toHaveLength(1)
    expect(seen.chunks).toBeGreaterThan(0)
    expect(seen.highestLevel).toBeLessThanOrEqual(seen.mark + seen.biggestChunk)
    expect(seen.levelAtExit).toBe(0)
    // Node's readers end even while they are paused, so that the end may come before the last 'drain'.
    expect(seen.falses - seen.drains).toBeGreaterThanOrEqual(0)
    expect(seen.falses - seen.drains).toBeLessThanOrEqual(1)
  })

  test('takes at most 24 MiB more than with stock', () => {
    expect([seen.isStock, stock.watched.streams[0].isStock]).toEqual([false, true])
    expect(ours.watched.peakMemory).toBeLessThanOrEqual(stock.watched.peakMemory + MORE_MEMORY)
  })

  test('leaves nothing behind but the destination', () => {
    expect(fs.readdirSync(temporary)).toEqual([])
    expect(fs.readdirSync(results).sort()).toEqual(['ours', 'stock'])
  })
})

describe('the figures of', () => {
  const watch = async (name, input) => {
    const destination = path.join(results, name)
    const { stdout, watched } = await run(name, [input, destination], [WATCH])
    fs.rmSync(destination)
    return { stdout, seen: watched.streams[0] }
  }

  test('pause-resume.js: a mark of 16 KiB, a pause for each chunk of 64 KiB', async () => {
    const { stdout, seen } = await watch('pause-resume', SOURCE)
    const chunks = Math.ceil(fs.statSync(SOURCE).size / (64 * 1024))
    expect(seen).toMatchObject({ mark: 16 * 1024, biggestChunk: 64 * 1024, chunks, falses: chunks })
    expect(stdout).toMatch(new RegExp(`paused ${chunks} times`))
    expect(stdout).toMatch(/^'finish'/)
  })

  test('video-copy.js: marks of 5 MiB on both sides', async () => {
    const { seen } = await watch('video-copy', SOURCE)
    expect(seen).toMatchObject({ mark: 5 * MiB, biggestChunk: 5 * MiB })
  })

  test('rows.js: the buffered bytes that it reports', async () => {
    const { stdout, seen } = await watch('rows', 100000)
    const [highest, mark] = /at most (\d+) buffered, high-water mark (\d+)/.exec(stdout).slice(1).map(Number)
    expect(mark).toBe(seen.mark)
    expect(highest).toBeGreaterThan(0)
    expect(highest).toBeLessThanOrEqual(mark + seen.biggestChunk)
  })

  test('write-many.js: a hundred times as many lines take no more memory', () => {
    expect(peaks.get('write-many 10000000')).toBeLessThanOrEqual(peaks.get('write-many 100000') + MORE_MEMORY)
  })
})

describe.each(NAMES)('examples/%s.js', name => {
  const { input } = RUNS.find(run => run.name === name)

  test('runs without arguments, and leaves nothing behind', async () => {
    expect(await run(name, [])).toMatchObject({ code: 0, stderr: '' })
    expect(fs.readdirSync(temporary)).toEqual([])
  })

  test('exports its main function and does nothing when it is required', () => {
    const script = `console.log(typeof require(${JSON.stringify(path.join(EXAMPLES, name))}))`
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })
    expect({ stdout, stderr }).toEqual({ stdout: 'function\n', stderr: '' })
  })

  test('fails with one line if it cannot open the destination', async () => {
    const { code, stderr } = await run(name, [input, path.join(folder, 'missing', 'file')])
    expect(code).toBe(1)
    expect(stderr).toMatch(new RegExp(`^${name}\\.js: ENOENT: .*\n$`))
  })

  const onLinux = process.platform === 'linux' ? test : test.skip
  onLinux('fails with one line if the disk is full', async () => {
    const { code, stderr } = await run(name, [input, '/dev/full'])
    expect(code).toBe(1)
    expect(stderr).toMatch(new RegExp(`^${name}\\.js: ENOSPC: .*\n$`))
  })
})

describe.each(NAMES.filter(name => name !== 'write-many' && name !== 'rows'))('examples/%s.js', name => {
  test.each(['missing', '.'])('fails with one line if it cannot read the source (%s), and leaves nothing behind', async source => {
    const { code, stdout, stderr } = await run(name, [path.join(folder, source)])
    expect(code).toBe(1)
    expect(stderr).toMatch(new RegExp(`^${name}\\.js: .*\n$`))
    expect(stdout).not.toMatch(/peak memory/)
    expect(fs.readdirSync(temporary)).toEqual([])
  })
})

test.each([['rows', 'ten'], ['write-many', '-5'], ['rows', '1.5']])('%s.js refuses the count %s with one line', async (name, count) => {
  const { code, stderr } = await run(name, [count, path.join(results, 'none')])
  expect([code, stderr]).toEqual([1, `${name}.js: the count must be a whole number, not '${count}'\n`])
  expect(fs.readdirSync(results)).toEqual([])
})

test.each(['SIGINT', 'SIGTERM'])('leaves nothing behind after %s', async signal => {
  const watcher = fs.watch(temporary)
  try {
    const isBegun = once(watcher, 'change')
    const child = start('write-many', [1e15])
    await isBegun
    child.kill(signal)
    const [code] = await once(child, 'close')
    expect(code).toBe(128 + os.constants.signals[signal])
    expect(fs.readdirSync(temporary)).toEqual([])
  } finally {
    watcher.close()
  }
})

describe('the demo', () => {
  test('prints plain lines where there is no terminal', async () => {
    const { code, stdout, stderr } = await run('copy', [])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).not.toMatch(/[^\P{Cc}\n]/u)
    const progress = stdout.match(/^ *\d+ % .*$/gm)
    for (const line of progress) {
      expect(line).toMatch(/^ *\d+ % +[\d.]+ MB +\d+ MB\/s +buffered +\d+\/64 KiB +false \d+ +drain \d+$/)
    }
    // Each whole chunk makes the reader wait.
    const chunks = Math.floor(fs.statSync(SOURCE).size / 65536)
    expect(progress.at(-1)).toMatch(new RegExp(`^100 % .* buffered +0/64 KiB +false ${chunks} +drain ${chunks}$`))
    expect(progress.length).toBeLessThanOrEqual(4)
    expect(stdout).toMatch(/The copy is equal\.\n$/)
    expect(stdout.match(new RegExp(await sha256OfFile(SOURCE), 'g'))).toHaveLength(2)
    expect(fs.readdirSync(temporary)).toEqual([])
  })

  test('makes no file from what it cannot read', async () => {
    const { code } = await run('copy', [path.join(folder, 'missing'), path.join(results, 'copy')])
    expect(code).toBe(1)
    expect(fs.readdirSync(results)).toEqual([])
  })

  test('copies an empty file', async () => {
    const empty = path.join(folder, 'empty')
    fs.writeFileSync(empty, '')
    const { code, stdout } = await run('copy', [empty])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^100 % /m)
    expect(stdout).toMatch(/The copy is equal\.\n$/)
  })

  const isLinuxScript = spawnSync('script', ['-qec', 'exit 42', '/dev/null'], { stdio: ['ignore', 'ignore', 'ignore'] }).status === 42
  const title = 'shows a bar on a terminal'
  if (!isLinuxScript) test.skip(`${title} (skipped: no script of util-linux to make a terminal with)`, () => {})
  else {
    test(title, async () => {
      const quoted = [process.execPath, path.join(EXAMPLES, 'copy.js')].map(word => `'${word}'`).join(' ')
      const child = spawn('script', ['-qec', quoted, '/dev/null'], {
        env: { ...process.env, TMPDIR: temporary },
        stdio: ['ignore', 'pipe', 'inherit']
      })
      children.add(child)
      const [[code], shown] = await Promise.all([once(child, 'close'), text(child.stdout)])
      children.delete(child)
      expect(code).toBe(0)
      expect(shown).toMatch(/░+ 0 % /)
      expect(shown).toMatch(/█+ 100 % .*buffered +0\/64 KiB/)
      // The cursor is hidden, and comes back.
      expect(shown.lastIndexOf('\u001b[?25h')).toBeGreaterThan(shown.lastIndexOf('\u001b[?25l'))
      expect(shown).toMatch(/The copy is equal\.\r\n/)
      expect(fs.readdirSync(temporary)).toEqual([])
    })
  }

  test('says so, and fails, if the copy is different', async () => {
    const corrupt = path.join(folder, 'corrupt.js')
    fs.writeFileSync(corrupt, `
      const spillway = require(${JSON.stringify(path.join(__dirname, '..', '..'))})
      const { createWriteStream } = spillway
      spillway.createWriteStream = (...args) => {
        const out = createWriteStream(...args)
        const { write } = out
        out.write = chunk => write.call(out, Buffer.from(chunk).fill('x', 0, 1))
        return out
      }`)
    const { code, stdout } = await run('copy', [], [corrupt])
    expect(code).toBe(1)
    expect(stdout).toMatch(/THE COPY IS DIFFERENT\.\n$/)
    expect(fs.readdirSync(temporary)).toEqual([])
  })
})

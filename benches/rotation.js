'use strict'

// Logs that rotate: ours, and what others use. Each does the same in a process of its own, one after the other.
//
//   node benches/rotation.js [--lines N] [--runs N] [--dir DIR] [--disk DIR] [--only NAME[,NAME]]
//
// A program writes a line after another, and waits as it is told: for 'drain', or, where nothing tells it to, for the next turn
// after each 512 lines. Its time ends when its process has nothing more to do. It writes `--lines` lines, a million if it is
// not given, but begins none after LIMIT: a row that comes to fewer says so, and its lines a second are those of what it wrote.
//
// Lines a second and memory are those in `--dir`, which is in memory where there is /dev/shm. What is lost is looked for in
// `--disk`, the system's temporary folder: logrotate waits for the disk between its copy and the cut.
//
// logrotate is Debian's, called again and again without a pause, which takes it some two milliseconds; the program beside it
// has Node's own stream. Others rotate when a file is full; it does when it sees that, and the files show how big they are by then.
//
// The others are installed into .cache/rotation, which is no part of the project.

const { execFileSync, spawn, spawnSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { parseArgs, promisify } = require('node:util')
const { gunzipSync } = require('node:zlib')

const CACHE = path.join(__dirname, '..', '.cache', 'rotation')
const PACKAGES = {
  'pino-roll': '4.0.0',
  'rotating-file-stream': '3.2.10',
  'winston-daily-rotate-file': '5.0.0',
  winston: '3.19.0',
  'file-stream-rotator': '1.0.0',
  streamroller: '3.1.5'
}

const CANNOT_COMPRESS = ['pino-roll', 'file-stream-rotator']

/** A line of a hundred bytes, with its number. */
const PAD = ' {"level":30,"hostname":"host","pid":1234,"msg":"a line of a log, as programs write them"}'
const lineOf = number => `${String(number).padStart(9, '0')}${PAD}\n`
const LINE = lineOf(0).length

const MIB = 2 ** 20

/** Milliseconds after which a program begins no more lines. */
const LIMIT = 10_000

/** Milliseconds after which a process is ended. */
const TIMEOUT = 60_000

/** How many lines a second are written where files are small, so that all can be expected to keep up. */
const PACE = 100_000

/** Lines between two turns. */
const BATCH = 512

/** How each is made. */
const PEERS = {
  spillway: ({ file, size, gzip }) => {
    const out = require('..').createWriteStream(file, { rotate: { size, compress: gzip ? 'gzip' : undefined } })
    return ofStream(out)
  },
  'pino-roll': async ({ file, size }) => ofStream(await cached('pino-roll')({ file, size: `${size / 1024}k`, mkdir: true, minLength: 4096 })),
  'rotating-file-stream': ({ folder, size, gzip }) => ofStream(cached('rotating-file-stream').createStream('app.log', { path: folder, size: `${size}B`, compress: gzip ? 'gzip' : false })),
  'winston-daily-rotate-file': ({ folder, size, gzip }) => {
    const Transport = cached('winston-daily-rotate-file')
    const transport = new Transport({ dirname: folder, filename: 'app-%DATE%.log', maxSize: `${size / 1024}k`, zippedArchive: gzip, auditFile: path.join(folder, 'audit.json') })
    const MESSAGE = Symbol.for('message')
    // It adds the end of the line itself.
    return withoutBackpressure(line => transport.log({ [MESSAGE]: line.slice(0, -1) }, () => {}), () => transport.close())
  },
  'file-stream-rotator': ({ folder, size }) => {
    const out = cached('file-stream-rotator').getStream({ filename: path.join(folder, 'app'), size: `${size / 1024}k`, extension: '.log', max_logs: '1000', audit_file: path.join(folder, 'audit.json') })
    out.on('error', error => console.error(error.message))
    return withoutBackpressure(line => out.write(line), () => out.end('', 'utf8'))
  },
  streamroller: ({ file, size, gzip }) => ofStream(new (cached('streamroller').RollingFileStream)(file, size, 400, { compress: gzip })),
  'logrotate copytruncate': ({ file, size, folder, gzip }) => {
    const conf = path.join(folder, '..', 'logrotate.conf')
    fs.writeFileSync(conf, `${file} {\n size ${size}\n rotate 400\n copytruncate\n ${gzip ? 'compress' : 'nocompress'}\n}\n`)
    // The run is not over before it has ended, since it has our standard output, too.
    const script = 'while [ -e "$1" ]; do logrotate -s "$1.state" "$1" 2> /dev/null; done'
    spawn('bash', ['-c', script, 'bash', conf], { stdio: ['ignore', 'inherit', 'ignore'] }).unref()
    process.on('exit', () => fs.unlinkSync(conf))
    return ofStream(fs.createWriteStream(file, { flags: 'a' }))
  }
}

function cached (name) {
  return require(path.join(CACHE, 'node_modules', name))
}

function ofStream (out) {
  let isFull = false
  out.on('error', error => console.error(error.message))
  return {
    write: line => { isFull = out.write(line) === false },
    isFull: () => isFull,
    drain: () => once(out, 'drain').then(() => { isFull = false }),
    end: () => out.end()
  }
}

/** One that never says that it is full is given turns. */
function withoutBackpressure (write, end) {
  return { write, isFull: () => true, drain: turn, end }
}

const turn = () => new Promise(resolve => setImmediate(resolve))
const sleep = promisify(setTimeout)

/** When the process has nothing more to do. */
const idle = () => new Promise(resolve => process.once('beforeExit', resolve))

/** What a child does. */
const TASKS = {
  /** Writes `lines`, waits as it is told, and ends; with `pace` so many a second at most. */
  async flow (log, { lines, pace = Infinity, from = 0 }) {
    const start = performance.now()
    let number = from
    while (number < from + lines && performance.now() < start + LIMIT) {
      const end = Math.min(number + BATCH, from + lines)
      while (number < end) log.write(lineOf(number++))
      if (log.isFull()) await log.drain()
      const early = start + (number - from) / pace * 1000 - performance.now()
      if (early >= 1) await sleep(early)
    }
    log.end()
    await idle()
    return { lines: number - from, seconds: (performance.now() - start) / 1000, peak: process.resourceUsage().maxRSS / 1024 }
  },

  /** Writes `lines` turn by turn, and the process exits. */
  async exit (log, { lines }) {
    for (let number = 0; number < lines; number++) {
      log.write(lineOf(number))
      if (number % BATCH === BATCH - 1) await turn()
    }
    process.exit()
  },

  /** A line that is longer than a file may be, between others. */
  async long (log, { lines, size }) {
    for (let number = 0; number < lines; number++) {
      log.write(number === lines >> 1 ? `${lineOf(number).trimEnd()}${'x'.repeat(size * 3)}\n` : lineOf(number))
      if (number % 64 === 63) await turn()
    }
    log.end()
    await idle()
    return { lines }
  }
}

async function child () {
  const [name, task, options] = JSON.parse(process.env.SPILLWAY_ROTATION)
  const log = await PEERS[name](options)
  const result = await TASKS[task](log, options)
  console.log(JSON.stringify(result))
  process.exit()
}

function run (name, task, options) {
  const { stdout, status, signal, stderr } = spawnSync(process.execPath, [__filename], {
    env: { ...process.env, SPILLWAY_ROTATION: JSON.stringify([name, task, options]) }, encoding: 'utf8', timeout: TIMEOUT, killSignal: 'SIGKILL'
  })
  const last = stdout.trim().split('\n').at(-1)
  return { ...(last.startsWith('{') ? JSON.parse(last) : {}), status: signal ?? status, said: stderr.trim().split('\n')[0] }
}

/** What is in the files: the numbers that are missing of `lines`, those that are there twice, lines that are cut, sizes. */
function check (folder, lines) {
  const seen = new Uint8Array(lines)
  let [twice, cut, broken] = [0, 0, 0]
  const sizes = []
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.json') || entry.name.startsWith('.')) continue
    const name = path.join(folder, entry.name)
    let bytes = fs.readFileSync(name)
    if (name.endsWith('.gz')) {
      try {
        bytes = gunzipSync(bytes)
      } catch {
        broken++
        continue
      }
    }
    sizes.push(bytes.length)
    for (let start = 0; start < bytes.length;) {
      let end = bytes.indexOf(10, start)
      if (end < 0) end = bytes.length
      const number = Number(bytes.latin1Slice(start, start + 9))
      const isWhole = Number.isInteger(number) && end - start >= LINE - 1 && number < lines
      if (!isWhole) cut++
      else if (seen[number]++ > 0) twice++
      start = end + 1
    }
  }
  return { lost: lines - seen.reduce((sum, count) => sum + (count > 0), 0), twice, cut, broken, files: sizes.length, largest: Math.max(0, ...sizes) }
}

function install () {
  if (fs.existsSync(path.join(CACHE, 'node_modules', 'streamroller'))) return
  fs.mkdirSync(CACHE, { recursive: true })
  fs.writeFileSync(path.join(CACHE, 'package.json'), JSON.stringify({ private: true, dependencies: PACKAGES }))
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: CACHE, stdio: 'inherit' })
}

const median = values => [...values].sort((a, b) => a - b)[values.length >> 1]
const group = number => number.toLocaleString('en')
const sizeOf = bytes => bytes < MIB ? `${Math.round(bytes / 1024)} KiB` : `${(bytes / MIB).toFixed(1)} MiB`

/** What was wrong. */
function faults ({ lines, wanted, lost, twice, cut, broken, status, said }) {
  const counts = { lost, twice, cut, 'broken .gz': broken }
  const found = Object.entries(counts).filter(([name, count]) => count > 0 || name === 'lost').map(([name, count]) => `${group(count)} ${name}`)
  if (lines < wanted) found[0] += ` of ${group(lines)}`
  if (status === 'SIGKILL') found.push(`did not end in ${TIMEOUT / 1000} s`)
  else if (status !== 0) found.push(`ended with ${status}`)
  if (said !== '') found.push('told errors')
  return found.join(', ')
}

const filesOf = ({ files, largest }) => `${files} files of up to ${sizeOf(largest)}`

/** Has a task done in a folder of its own in `dir`, in so many processes one after another. @returns {object} what came of it, and what is in the files */
function play (dir, name, task, options, times = 1) {
  const home = fs.mkdtempSync(path.join(dir, 'spillway-rotation-'))
  const folder = path.join(home, 'logs')
  fs.mkdirSync(folder)
  try {
    const results = []
    let from = 0
    for (let time = 0; time < times; time++) {
      const result = { lines: options.lines, ...run(name, task, { folder, file: path.join(folder, 'app.log'), from, ...options }) }
      from += result.lines
      results.push(result)
    }
    const bad = results.find(({ status, said }) => status !== 0 || said !== '')
    return { ...(bad ?? results[0]), lines: from, wanted: options.lines * times, ...check(folder, from) }
  } finally {
    fs.rmSync(home, { recursive: true, force: true })
  }
}

function measure (name, { lines, runs, dir, disk }) {
  const flows = Array.from({ length: runs }, () => play(dir, name, 'flow', { lines, size: 10 * MIB }))
  const ended = flows.filter(({ seconds }) => seconds !== undefined)
  const many = play(disk, name, 'flow', { lines: Math.ceil(200 * 102_400 / LINE), size: 100 * 1024, pace: PACE })
  const exit = play(disk, name, 'exit', { lines: 300_000, size: MIB })
  const long = play(disk, name, 'long', { lines: 2000, size: 10 * 1024 })
  const starts = play(disk, name, 'flow', { lines: 5000, size: 100 * 1024 }, 5)
  const gzip = CANNOT_COMPRESS.includes(name) ? null : play(disk, name, 'flow', { lines: 500_000, size: MIB, gzip: true })
  return {
    'lines a second': ended.length === 0 ? 'none' : group(median(ended.map(({ lines, seconds }) => Math.round(lines / seconds)))),
    'peak, MiB': ended.length === 0 ? 'unknown' : group(Math.round(median(ended.map(({ peak }) => peak)))),
    'of one of these runs': `${faults(flows[0])}; ${filesOf(flows[0])}`,
    '200 rotations': `${faults(many)}; ${filesOf(many)}`,
    'process.exit()': faults(exit),
    'a long line': `${faults(long)}; ${filesOf(long)}`,
    'five starts': faults(starts),
    compressed: gzip === null ? 'none' : faults(gzip)
  }
}

function main () {
  const { values } = parseArgs({
    options: {
      lines: { type: 'string', default: '1000000' },
      runs: { type: 'string', default: '3' },
      dir: { type: 'string', default: fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir() },
      disk: { type: 'string', default: os.tmpdir() },
      only: { type: 'string' }
    }
  })
  install()
  const only = values.only?.split(',')
  const rows = {}
  for (const name of Object.keys(PEERS).filter(name => only?.includes(name) ?? true)) {
    if (name.startsWith('logrotate') && !hasLogrotate()) {
      console.error(`${name}: logrotate is not installed`)
      continue
    }
    rows[name] = measure(name, { lines: Number(values.lines), runs: Number(values.runs), dir: values.dir, disk: values.disk })
    console.error(name, rows[name])
  }
  const columns = Object.keys(Object.values(rows)[0])
  console.log(`| | ${columns.join(' | ')} |\n|---|${columns.map(() => '---|').join('')}`)
  for (const [name, row] of Object.entries(rows)) console.log(`| ${name} | ${columns.map(column => row[column]).join(' | ')} |`)
}

const hasLogrotate = () => spawnSync('logrotate', ['--version']).error === undefined

if (process.env.SPILLWAY_ROTATION === undefined) main()
else child()

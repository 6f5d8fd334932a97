'use strict'

// Logs that rotate: ours, and what others use. Each does the same in a process of its own, one after the other.
//
//   node benches/rotation.js [--lines N] [--runs N] [--dir DIR] [--only NAME]
//
// The others are installed into .cache/rotation, which is no part of the project.

const { execFileSync, spawn, spawnSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { parseArgs } = require('node:util')
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

/** A line of a hundred bytes, with its number. */
const PAD = ' {"level":30,"hostname":"host","pid":1234,"msg":"a line of a log, as programs write them"}'
const lineOf = number => `${String(number).padStart(9, '0')}${PAD}\n`
const LINE = lineOf(0).length

/** How each is made: `write(line)` is false or a promise if it is to be waited for. */
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
    const stream = transport.logStream
    return {
      // It adds the end of the line itself.
      write: line => { transport.log({ [MESSAGE]: line.slice(0, -1) }, () => {}) },
      isFull: () => (stream.writableLength ?? 0) > 0,
      drain: () => new Promise(resolve => setImmediate(resolve)),
      end: async () => { transport.close(); await new Promise(resolve => setTimeout(resolve, 500)) }
    }
  },
  'file-stream-rotator': ({ folder, size }) => {
    const out = cached('file-stream-rotator').getStream({ filename: path.join(folder, 'app'), size: `${size / 1024}k`, extension: '.log', audit_file: path.join(folder, 'audit.json') })
    out.on('error', error => console.error(error.message))
    return {
      write: line => { out.write(line) },
      isFull: () => true,
      drain: () => new Promise(resolve => setImmediate(resolve)),
      end: async () => { out.end('', 'utf8'); await new Promise(resolve => setTimeout(resolve, 500)) }
    }
  },
  streamroller: ({ file, size, gzip }) => ofStream(new (cached('streamroller').RollingFileStream)(file, size, 400, { compress: gzip })),
  'logrotate copytruncate': ({ file, size, folder, gzip }) => {
    const conf = path.join(folder, '..', 'logrotate.conf')
    fs.writeFileSync(conf, `${file} {\n size ${size}\n rotate 400\n copytruncate\n ${gzip ? 'compress' : 'nocompress'}\n}\n`)
    const script = 'while true; do logrotate -s "$1.state" "$1" 2> /dev/null; sleep 0.02; done'
    const rotator = spawn('bash', ['-c', script, 'bash', conf], { stdio: 'ignore' })
    rotator.unref()
    process.on('exit', () => rotator.kill())
    return ofStream(fs.createWriteStream(file, { flags: 'a' }))
  }
}

function cached (name) {
  return require(path.join(CACHE, 'node_modules', name))
}

function ofStream (out) {
  let isFull = false
  out.on?.('error', error => console.error(error.message))
  return {
    write: line => { isFull = out.write(line) === false },
    isFull: () => isFull,
    drain: () => once(out, 'drain').then(() => { isFull = false }),
    end: () => new Promise(resolve => { out.once(out.listenerCount === undefined || out.constructor.name === 'SonicBoom' ? 'close' : 'finish', resolve); out.end() })
  }
}

/** What a child does. */
const TASKS = {
  /** Writes `lines`, waits as it is told, and ends. */
  async flow (log, { lines, from = 0 }) {
    const start = process.hrtime.bigint()
    for (let number = from; number < from + lines; number++) {
      log.write(lineOf(number))
      // Who says nothing is given a turn now and then.
      if (number % 512 === 511 && log.isFull()) await log.drain()
    }
    await log.end()
    return { seconds: Number(process.hrtime.bigint() - start) / 1e9, peak: process.resourceUsage().maxRSS / 1024 }
  },

  /** Writes `lines` turn by turn, and the process exits. */
  async exit (log, { lines }) {
    for (let number = 0; number < lines; number++) {
      log.write(lineOf(number))
      if (number % 512 === 511) await new Promise(resolve => setImmediate(resolve))
    }
    process.exit()
  },

  /** A line that is longer than a file may be, between others. */
  async long (log, { lines, size }) {
    for (let number = 0; number < lines; number++) {
      log.write(number === lines >> 1 ? `${lineOf(number).trimEnd()}${'x'.repeat(size * 3)}\n` : lineOf(number))
      if (number % 64 === 63) await new Promise(resolve => setImmediate(resolve))
    }
    await log.end()
    return {}
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
    env: { ...process.env, SPILLWAY_ROTATION: JSON.stringify([name, task, options]) }, encoding: 'utf8', timeout: 60_000, killSignal: 'SIGKILL'
  })
  const last = stdout.trim().split('\n').at(-1)
  return { ...(last.startsWith('{') ? JSON.parse(last) : {}), status: signal ?? status, stderr: stderr.trim().split('\n')[0] }
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

function measure (name, { lines, runs, dir }) {
  const home = fs.mkdtempSync(path.join(dir, 'spillway-rotation-'))
  const inFolder = (task, options, times = 1) => {
    const folder = path.join(home, 'logs')
    fs.rmSync(folder, { recursive: true, force: true })
    fs.mkdirSync(folder)
    let result
    for (let time = 0; time < times; time++) result = run(name, task, { folder, file: path.join(folder, 'app.log'), from: time * options.lines, ...options })
    return { ...result, ...check(folder, options.lines * times) }
  }
  const failed = ({ status }) => status === 0 ? '' : ` (ended with ${status})`
  const bad = ({ lost, twice, cut, broken, ...rest }) => [`${lost} lost`, twice && `${twice} twice`, cut && `${cut} cut`, broken && `${broken} broken .gz`].filter(Boolean).join(', ') + failed(rest)
  try {
    const flows = Array.from({ length: runs }, () => inFolder('flow', { lines, size: 10 * 2 ** 20 }))
    const speed = flows.map(({ seconds }) => seconds === undefined ? 0 : lines / seconds)
    const many = inFolder('flow', { lines: Math.ceil(200 * 102_400 / LINE), size: 100 * 1024 })
    const exit = inFolder('exit', { lines: 300_000, size: 2 ** 20 })
    const long = inFolder('long', { lines: 2000, size: 10 * 1024 })
    const restart = inFolder('flow', { lines: 5000, size: 100 * 1024 }, 5)
    const gzip = ['pino-roll', 'file-stream-rotator'].includes(name) ? null : inFolder('flow', { lines: 500_000, size: 2 ** 20, gzip: true })
    return {
      'lines a second': Math.round(median(speed)),
      'peak, MiB': Math.round(median(flows.map(({ peak = 0 }) => peak))),
      'of that run': bad(flows[0]),
      '200 rotations': `${bad(many)}; ${many.files} files`,
      'process.exit()': bad(exit),
      'a long line': `${bad(long)}; ${long.files} files`,
      'five starts': bad(restart),
      compressed: gzip === null ? 'none' : bad(gzip)
    }
  } finally {
    fs.rmSync(home, { recursive: true, force: true })
  }
}

function main () {
  const { values } = parseArgs({
    options: {
      lines: { type: 'string', default: '1000000' },
      runs: { type: 'string', default: '3' },
      dir: { type: 'string', default: fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir() },
      only: { type: 'string' }
    }
  })
  install()
  const rows = {}
  for (const name of Object.keys(PEERS)) {
    if (values.only !== undefined && !values.only.split(',').includes(name)) continue
    rows[name] = measure(name, { lines: Number(values.lines), runs: Number(values.runs), dir: values.dir })
    console.error(name, rows[name])
  }
  const columns = Object.keys(Object.values(rows)[0])
  console.log(`| | ${columns.join(' | ')} |\n|---|${columns.map(() => '---|').join('')}`)
  for (const [name, row] of Object.entries(rows)) console.log(`| ${name} | ${columns.map(column => row[column].toLocaleString('en')).join(' | ')} |`)
}

if (process.env.SPILLWAY_ROTATION === undefined) main()
else child()

'use strict'

// What happens to the bytes when something goes wrong: `npm run reliability`
// runs each fault against stock, SonicBoom and ours, each time in a process of
// its own, and writes docs/reliability.md.
//
// Needs Linux, root (for a small disk) and strace (for the faults of a disk).

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { runScript } = require('../__tests__/helpers/child.js')
const { inject } = require('../__tests__/helpers/strace.js')
const { smallDisk } = require('../__tests__/helpers/targets.js')

const MIB = 1024 * 1024
const DOC = path.join(__dirname, '..', 'docs', 'reliability.md')

/** A process that has not ended by then, in seconds, is said never to end. Ours gives up after 5. */
const NEVER = 12

const NODES = `
  const open = (dest, options) => typeof dest === 'number'
    ? createWriteStream(null, { fd: dest, ...options })
    : createWriteStream(dest, options);`

/** Who is asked, and how a script makes a stream of theirs. */
const PEERS = {
  stock: { title: 'stock', which: 'stock', prelude: NODES },
  sonic: {
    title: 'SonicBoom',
    which: 'stock',
    // As pino's documentation has it for asynchronous logs.
    prelude: `
      const SonicBoom = require(${JSON.stringify(require.resolve('sonic-boom'))})
      const open = dest => new SonicBoom({ dest, sync: false, minLength: 4096 });`
  },
  spillway: { title: 'spillway', which: 'spillway', prelude: NODES }
}

const LINES = 20_000
const lineOf = at => `line ${at} `.padEnd(99, '.') + '\n'
const TEXT = Buffer.from(Array.from({ length: LINES }, (_, at) => lineOf(at)).join(''))

/** What every script sees. */
const TOOLS = `
  const { execFileSync, spawn } = require('node:child_process')
  const lineOf = ${lineOf}
  const lines = (out, from = 0, to = ${LINES}) => { for (let at = from; at < to; at++) out.write(lineOf(at)) }
  const say = fact => fs.writeSync(1, JSON.stringify(fact) + '\\n');`

/**
 * @param {keyof PEERS} peer
 * @param {string} script
 * @param {object} [options] of runScript, and `patience` in seconds
 * @returns {Promise<object>} what runScript gives, `facts`: what the script said, `seconds`
 */
async function run (peer, script, { prefix = () => [], values, patience = NEVER } = {}) {
  const { which, prelude } = PEERS[peer]
  const start = performance.now()
  const result = await runScript(which, prelude + TOOLS + script, {
    values: { ...values, peer },
    prefix: file => ['timeout', '--signal=KILL', String(patience), ...prefix(file)]
  })
  const facts = result.stdout.split('\n').filter(Boolean).map(line => JSON.parse(line))
  const seconds = (performance.now() - start) / 1000
  return { ...result, facts: Object.assign({}, ...facts), seconds, isKilled: seconds >= patience }
}

/** How much of `text` a file holds. */
function part (content, text = TEXT) {
  const bytes = content ?? Buffer.alloc(0)
  if (bytes.equals(text)) return 'nothing is lost'
  if (!bytes.equals(text.subarray(0, bytes.length))) return '**the file is wrong**'
  if (bytes.length === 0) return 'everything is lost'
  return `${text.length - bytes.length} of ${text.length} bytes are lost`
}

/** An error that was told, and what the file has. */
function told ({ facts, content }, text) {
  return `${facts.error === undefined ? 'no error' : `\`${facts.error}\``}; ${part(content, text)}`
}

/** Whether the stream knows how much the file has. */
function count ({ facts, content }) {
  if (facts.bytesWritten === undefined) return ''
  return facts.bytesWritten === content.length ? '; `bytesWritten` is right' : `; \`bytesWritten\` says ${facts.bytesWritten} of ${content.length}`
}

const AFTER_OPEN = script => `const out = open(file); out.once('ready', () => { lines(out); ${script} })`
const WATCH = `
  out.on('error', error => say({ error: error.code }))
  out.on('close', () => say({ bytesWritten: out.bytesWritten }));`

/** Writes at the pace of 'drain', ends, and says what it heard. */
const PACED = `
  ${WATCH}
  let at = 0
  const go = () => {
    while (at < ${LINES} && !out.destroyed) if (!out.write(lineOf(at++))) return out.once('drain', go)
    if (!out.destroyed) out.end()
  }
  go();`

/** The rest of what `script` writes is lost, or not. */
const loses = script => async peer => part((await run(peer, script)).content)

/** Bytes that a filler leaves on the disk of 1 MiB: whole pages. */
const ROOM = 100 * 1024

/** Runs on that disk. */
async function onDisk (peer, script, prefix) {
  const disk = smallDisk(MIB)
  if (disk === null) throw new Error('a small disk needs root')
  try {
    const [place, filler] = ['file', 'filler'].map(name => path.join(disk.folder, name))
    fs.writeFileSync(filler, Buffer.alloc(MIB - ROOM))
    const result = await run(peer, script, { values: { place, filler }, prefix: prefix && (() => prefix(place)) })
    return { ...result, content: fs.readFileSync(place) }
  } finally {
    disk.remove()
  }
}

/** Some lines that have room on the disk once the filler is gone. */
const FEW = 5000
const FEW_TEXT = TEXT.subarray(0, FEW * lineOf(0).length)

/** Ends of a process with bytes in a pipe's stream. */
const STUCK = reader => `
  execFileSync('mkfifo', [file + '.fifo'])
  ${reader}
  const out = open(file + '.fifo')
  out.on('error', () => {})
  out.write('x'.repeat(1_000_000))
  setTimeout(() => process.exit(0), 200);`
const ends = script => async peer => {
  const { isKilled, seconds, stderr } = await run(peer, script)
  if (isKilled) return '**the process never ends**'
  return `ends after ${Math.round(seconds)} s${/SpillwayWarning/.test(stderr) ? ', says how many bytes are lost' : ', says nothing'}`
}

/** @type {[string, (peer: keyof PEERS) => Promise<string>][]} */
const FAULTS = [
  ['`process.exit()` after 2 MB in `write()`', loses(AFTER_OPEN('process.exit(0)'))],
  ['an uncaught exception', loses(AFTER_OPEN('throw new Error("uncaught")'))],
  ['`worker.terminate()`', loses(`
    const { Worker, isMainThread, parentPort } = require('node:worker_threads')
    if (isMainThread) {
      const worker = new Worker(__filename)
      worker.on('message', () => worker.terminate())
    } else { ${AFTER_OPEN('parentPort.postMessage("written"); for (;;);')} }`)],
  ['`SIGTERM`, with a listener that writes a last line and exits', async peer => {
    const { content, facts } = await run(peer, `
      const out = open(file)
      process.on('SIGTERM', () => {
        say({ accepted: at + 1 })
        out.write(lineOf(at))
        process.exit(0)
      })
      const { write } = out
      out.write = line => {
        if (at === 10_000) process.kill(process.pid, 'SIGTERM')
        return write.call(out, line)
      }
      ${PACED}`)
    return part(content, TEXT.subarray(0, facts.accepted * lineOf(0).length))
  }],
  ['`SIGKILL` 200 ms after the last `write()`, JavaScript busy', loses(AFTER_OPEN(`
    for (const end = Date.now() + 200; Date.now() < end;);
    process.kill(process.pid, 'SIGKILL')`))],
  ['the same, JavaScript idle', loses(AFTER_OPEN('setTimeout(() => process.kill(process.pid, "SIGKILL"), 200)'))],
  ['`EAGAIN`: a non-blocking pipe whose reader sleeps for half a second', async peer => told(await run(peer, `
    const fifo = file + '.fifo'
    execFileSync('mkfifo', [fifo])
    // So that neither of the two ends waits for the other to be opened.
    const holder = fs.openSync(fifo, 'r+')
    const end = fs.openSync(fifo, 'r')
    const fd = fs.openSync(fifo, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK)
    spawn('sh', ['-c', 'sleep 0.5; exec cat'], { stdio: [end, fs.openSync(file, 'w'), 'ignore'] })
    fs.closeSync(holder)
    fs.closeSync(end)
    const out = open(fd)
    ${PACED}`))],
  ['`EIO` at a later write', async peer => {
    const result = await run(peer, `const out = open(file); ${PACED}`, { prefix: inject('write,writev', 'error=EIO:when=3') })
    return told(result) + count(result)
  }],
  ['`ENOSPC`', async peer => {
    const result = await onDisk(peer, `const out = open(given.place); ${PACED}`)
    return told(result) + count(result)
  }],
  ['a short write with `start`: the disk is full for a moment', async peer => {
    if (peer === 'sonic') return 'has no `start`'
    // Room is made while the answer to the second call, which says that there is none, is on its way.
    return told(await onDisk(peer, `
      const out = open(given.place, { start: 0 })
      ${WATCH}
      out.once('ready', () => {
        out.cork()
        for (let at = 0; at < ${FEW}; at += 100) out.write(Array.from({ length: 100 }, (_, more) => lineOf(at + more)).join(''))
        out.uncork()
        out.end()
        const look = () => fs.statSync(given.place).size < ${ROOM} ? setImmediate(look) : setTimeout(() => fs.rmSync(given.filler), 150)
        look()
      })`, inject('pwritev', 'delay_exit=600000:when=2')), FEW_TEXT)
  }],
  ['the descriptor is closed behind its back, and its number used again', async peer => {
    const { facts } = await run(peer, `
      const fd = fs.openSync(file, 'w')
      const out = open(fd)
      out.on('error', error => say({ error: error.code }))
      out.write('x'.repeat(5000))
      setTimeout(() => {
        fs.closeSync(fd)
        fs.openSync(file + '.other', 'w')
        out.write('secret'.repeat(1000))
        setTimeout(() => {
          say({ other: fs.statSync(file + '.other').size, own: fs.statSync(file).size })
          process.exit(0)
        }, 200)
      }, 100)`)
    return facts.other > 0 ? '**the bytes go into the other file**' : `\`${facts.error}\`; the ${facts.own} bytes before that are in the right file`
  }],
  ['`destroy()` in mid-write: does `bytesWritten` say what the file has?', async peer => {
    if (peer === 'sonic') return 'has no `bytesWritten`'
    const result = await run(peer, `
      const out = open(file)
      ${WATCH}
      out.write(Buffer.alloc(64 << 20))
      const look = () => fs.statSync(file, { throwIfNoEntry: false })?.size > 0 ? out.destroy() : setImmediate(look)
      look()`)
    return result.facts.bytesWritten === result.content.length ? 'yes' : '**no**'
  }],
  ['`process.exit()`, and the reader of a pipe does not read', ends(STUCK('fs.openSync(file + ".fifo", fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)'))],
  ['`process.exit()`, and nobody has the pipe open', ends(STUCK(''))],
  ['a loop that writes 100 MB and ignores `false`: peak memory', async peer => {
    const { facts } = await run(peer, `
      const out = open(file)
      out.on('error', () => {})
      const line = lineOf(0)
      for (let at = 0; at < 1_000_000; at++) out.write(line)
      out.on('close', () => say({ peak: Number(/VmHWM:\\s+(\\d+) kB/.exec(fs.readFileSync('/proc/self/status', 'latin1'))[1]) / 1024 }))
      out.end()`, { patience: 50 })
    return facts.peak === undefined ? 'not done in 50 s' : `${Math.round(facts.peak)} MiB`
  }],
  ['a full disk that has room again 100 ms later, and the program writes on', async peer => told(await onDisk(peer, `
    const out = open(given.place, given.peer === 'spillway' ? { retry: { interval: 20 } } : {})
    ${WATCH}
    lines(out, 0, ${FEW / 2})
    out.once(given.peer === 'spillway' ? 'stall' : 'error', () => setTimeout(() => {
      fs.rmSync(given.filler)
      lines(out, ${FEW / 2}, ${FEW})
      out.end()
    }, 100))`), FEW_TEXT)]
]

/** @returns {Promise<string>} a row of the table */
async function row ([name, ask]) {
  const cells = []
  for (const peer of Object.keys(PEERS)) cells.push(await ask(peer))
  return `| ${[name, ...cells].join(' | ')} |`
}

async function main () {
  const only = process.argv[2]
  const rows = []
  for (const fault of FAULTS.filter(([name]) => only === undefined || name.includes(only))) {
    rows.push(await row(fault))
    console.log(rows.at(-1))
  }
  if (only !== undefined) return
  const { version } = require('sonic-boom/package.json')
  const kernel = execFileSync('uname', ['-sr'], { encoding: 'utf8' }).trim()
  const head = fs.readFileSync(DOC, 'utf8').split('| fault |')[0].replace(/^Node\b.*$/m, `Node ${process.versions.node}, SonicBoom ${version}, ${kernel}.`)
  fs.writeFileSync(DOC, `${head}| fault | ${Object.values(PEERS).map(({ title }) => title).join(' | ')} |
|---|---|---|---|
${rows.join('\n')}
`)
}

main()

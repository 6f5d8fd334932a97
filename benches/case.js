'use strict'

// One case in a process of its own: node case.js WHICH CASE FILE [MARK]
// WHICH is spillway, stock or sonic-boom (asynchronous, as its README has it).
// Prints one line of JSON: time and CPU in milliseconds, event-loop delay (p99,
// milliseconds), peak memory in MiB.

const { once } = require('node:events')
const fs = require('node:fs')
const { monitorEventLoopDelay } = require('node:perf_hooks')

const LINE = `${'x'.repeat(99)}\n`
const SOURCE_SIZE = 400_000_000

/** Writes `count` times `chunk`: until false, then on at 'drain'. */
function loop (out, chunk, count) {
  const go = () => {
    while (count > 0) {
      count--
      if (!out.write(chunk)) return out.once('drain', go)
    }
    out.end()
  }
  go()
}

/** Writes `chunk` once in each turn of the event loop. */
function eachTurn (out, chunk, count) {
  const go = () => {
    if (count-- === 0) return out.end()
    out.write(chunk)
    setImmediate(go)
  }
  go()
}

/** Writes `count` times `chunk` and never looks at the answer. */
function flood (out, chunk, count) {
  while (count-- > 0) out.write(chunk)
  out.end()
}

/** What each case does, and how many bytes that are. */
const CASES = {
  'lines as strings': { bytes: 300_000_000, isForSonicBoom: true, run: out => loop(out, LINE, 3_000_000) },
  'lines as Buffers': { bytes: 300_000_000, run: out => loop(out, Buffer.from(LINE), 3_000_000) },
  'one line a turn': { bytes: 40_000_000, isForSonicBoom: true, run: out => eachTurn(out, LINE, 400_000) },
  pipe: { bytes: SOURCE_SIZE, needsSource: true, run: (out, source) => fs.createReadStream(source).pipe(out) },
  'lines without a look at the answer': { bytes: 300_000_000, isForSonicBoom: true, run: out => flood(out, LINE, 3_000_000) },
  'lines as strings, three times as many': { bytes: 900_000_000, run: out => loop(out, LINE, 9_000_000) }
}

/** Peak memory of this process; `resourceUsage().maxRSS` would begin with that of its parent. */
function peak () {
  return Number(/VmHWM:\s+(\d+) kB/.exec(fs.readFileSync('/proc/self/status', 'latin1'))[1]) / 1024
}

const MAKERS = {
  spillway: (...args) => require('..').createWriteStream(...args),
  stock: (...args) => fs.createWriteStream(...args),
  // It has no mark; so much it gathers before it writes.
  'sonic-boom': file => new (require('sonic-boom'))({ dest: file, sync: false, minLength: 4096 })
}

async function main ([which, name, file, mark]) {
  const { run, bytes } = CASES[name]
  const out = MAKERS[which](file, mark && { highWaterMark: Number(mark) })
  const delay = monitorEventLoopDelay({ resolution: 2 })
  delay.enable()
  const cpu = process.cpuUsage()
  const start = process.hrtime.bigint()
  run(out, `${file}.source`)
  await once(out, 'close')
  const time = Number(process.hrtime.bigint() - start) / 1e6
  const { user, system } = process.cpuUsage(cpu)
  const { size } = fs.statSync(file)
  if (size !== bytes) throw new Error(`${which} wrote ${size} bytes of ${bytes}`)
  console.log(JSON.stringify({ time, cpu: (user + system) / 1000, p99: delay.percentile(99) / 1e6, peak: peak() }))
}

module.exports = { CASES, SOURCE_SIZE }
if (require.main === module) main(process.argv.slice(2))

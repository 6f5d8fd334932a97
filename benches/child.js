'use strict'

// One case by one peer, in a process of its own:
// `node child.js '{ "name", "peer", "folder", "source", "shrink", "mark", "watches" }'`
//
// Prints one line of JSON: time, CPU and that of the JavaScript thread in milliseconds, event-loop delay in
// milliseconds, peak memory in MiB; with `watches` the memory over time, too.

const { execFileSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { monitorEventLoopDelay } = require('node:perf_hooks')
const { PEERS } = require('./peers.js')

const MIB = 1024 * 1024

/** Peak memory of this process; `resourceUsage().maxRSS` would begin with that of its parent. */
function peak () {
  return Number(/VmHWM:\s+(\d+) kB/.exec(fs.readFileSync('/proc/self/status', 'latin1'))[1]) / 1024
}

/** What the JavaScript thread has run so far, in milliseconds. */
function threadTime () {
  return Number(/^\d+/.exec(fs.readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1'))[0]) / 1e6
}

/** Throws unless `file` holds `period` again and again, `size` bytes in all. */
function check (file, period, size) {
  const expected = Buffer.alloc(period.length * Math.ceil(MIB / period.length), period)
  const actual = Buffer.alloc(expected.length)
  const fd = fs.openSync(file, 'r')
  let total = 0
  for (let count; (count = fs.readSync(fd, actual)) > 0; total += count) {
    if (!actual.subarray(0, count).equals(expected.subarray(0, count))) throw new Error(`${file} differs behind byte ${total}`)
  }
  fs.closeSync(fd)
  if (total !== size) throw new Error(`${file} has ${total} bytes of ${size}`)
}

/** What others make of a file that is compressed. */
function decoded (file, { decoder }) {
  if (decoder === undefined) return file
  const name = `${file}.decoded`
  execFileSync('sh', ['-c', `${decoder} < "$1" > "$2"`, 'sh', file, name])
  return name
}

/** Memory over time, in milliseconds and MiB, at most every 5 ms. */
function watch (start) {
  const series = []
  const look = () => {
    const at = performance.now() - start
    if (series.length === 0 || at - series.at(-1)[0] >= 5) series.push([at, process.memoryUsage.rss() / MIB])
  }
  const timer = setInterval(look, 5)
  return { series, onLine: at => at % 1000 === 0 && look(), stop: () => clearInterval(timer) }
}

async function main ({ name, peer, folder, source, shrink, mark, watches }) {
  const spec = require(`./cases/${name}.js`)
  const files = Array.from({ length: spec.files ?? 1 }, (_, at) => path.join(folder, `out-${at}`))
  const count = Math.ceil(spec.count / shrink / files.length)
  const { copy, load, isCeiling, reader } = PEERS[peer]
  // Before the clock runs: Node has its own streams loaded, too.
  const open = load?.()
  const delay = monitorEventLoopDelay({ resolution: 2 })
  delay.enable()
  const cpu = process.cpuUsage()
  const thread = threadTime()
  const start = performance.now()
  const watcher = watches ? watch(start) : undefined
  const outs = files.map(file => copy ? copy(source, file) : open(file, mark ?? spec.mark, spec.options))
  const closed = Promise.all(outs.map(out => once(out, 'close')))
  if (!copy) for (const out of outs) spec.run(out, { count, source, reader, onLine: watcher?.onLine })
  await closed
  const time = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  watcher?.stop()
  const costs = {
    cpu: (user + system) / 1000,
    thread: threadTime() - thread,
    p50: delay.percentile(50) / 1e6,
    p99: delay.percentile(99) / 1e6,
    peak: peak(),
    series: watcher?.series
  }
  const size = spec.readsSource ? fs.statSync(source).size : count / (spec.perPeriod ?? 1) * spec.period.length
  if (!isCeiling || copy) files.forEach(file => check(decoded(file, spec), spec.period, size))
  console.log(JSON.stringify({ time, ...(copy ? {} : costs) }))
}

main(JSON.parse(process.argv[2]))

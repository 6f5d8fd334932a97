'use strict'

// npm run bench [-- OPTION ... CASE ...]
//
//   --rounds N   pairs of runs for each ratio (5)
//   --quick      a tenth of the bytes, one pair: under two minutes
//   --dir DIR    where the files go (tmpfs, if there is one)
//   --marks      values of highWaterMark from 16 KiB to 4 MiB instead of peers
//   --syscalls   counts system calls, too, by strace
//   --report     writes docs/benchmarks.md and its pictures
//
// Ours and a peer in alternation, each time in a fresh process, which checks
// what it wrote. Ratios are medians over the pairs, with the lowest and the highest.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { OUR_MARK, PEERS } = require('./peers.js')
const { SOURCE } = require('./producers.js')
const { beside, figure, median, spread, times, writeReport } = require('./report.js')

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
    dir: { type: 'string', default: fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir() },
    marks: { type: 'boolean', default: false },
    syscalls: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false }
  }
})

const KIB = 1024
const MARKS = [16, 64, 128, 256, 512, 1024, 2048, 4096].map(kib => kib * KIB)
const CASES_BY_MARK = ['lines-strings', 'pipe']

const shrink = options.quick ? 10 : 1
const rounds = options.quick ? 1 : Number(options.rounds)
const allCases = fs.readdirSync(path.join(__dirname, 'cases')).map(file => path.basename(file, '.js')).sort()
const folder = fs.mkdtempSync(path.join(options.dir, 'spillway-bench-'))
const source = path.join(folder, 'source')

/** Runs one case by one peer. */
function measure (name, peer, rest = {}, prefix = []) {
  // A file system in memory has nothing to sync.
  const outputs = fs.mkdtempSync(path.join(require(`./cases/${name}.js`).onDisk ? os.tmpdir() : folder, 'spillway-bench-'))
  try {
    const task = JSON.stringify({ name, peer, folder: outputs, source, shrink, ...rest })
    const [command, ...args] = [...prefix, process.execPath, path.join(__dirname, 'child.js'), task]
    return JSON.parse(execFileSync(command, args, { encoding: 'utf8' }))
  } finally {
    fs.rmSync(outputs, { recursive: true })
  }
}

/** The number of system calls that it makes. */
function countSyscalls (name, peer) {
  const log = path.join(folder, 'strace')
  measure(name, peer, {}, ['strace', '-f', '-c', '-o', log])
  return Number(/^\s*100\.00.*?(\d+)\s+(?:\d+\s+)?total$/m.exec(fs.readFileSync(log, 'utf8'))[1])
}

/** Ours and `peer` in alternation. */
function compare (name, peer) {
  const ours = []
  const theirs = []
  for (let round = 0; round < rounds; round++) {
    ours.push(measure(name, 'spillway'))
    theirs.push(measure(name, peer))
  }
  const ratios = key => ours.map((run, round) => run[key] / theirs[round][key])
  const both = key => ({ ours: median(ours.map(run => run[key])), theirs: median(theirs.map(run => run[key])), more: median(ours.map((run, round) => run[key] - theirs[round][key])) })
  return {
    name,
    peer,
    speed: spread(ratios('time').map(value => 1 / value)),
    cpu: spread(ratios('cpu')),
    thread: spread(ratios('thread')),
    p50: both('p50'),
    p99: both('p99'),
    peak: both('peak'),
    syscalls: options.syscalls ? { ours: countSyscalls(name, 'spillway'), theirs: countSyscalls(name, peer) } : undefined
  }
}

/** Ours and theirs, and by how much ours is more. */
const more = both => `${beside(both)} (${both.more < 0 ? '' : '+'}${figure(both.more, 1)})`

function print ({ peer, speed, cpu, thread, p50, p99, peak, syscalls }) {
  console.log(`  ${PEERS[peer].title.padEnd(30)} speed ${times(speed)}, CPU ${times(cpu)}, of the JavaScript thread ${times(thread)}`)
  console.log(`  ${''.padEnd(30)} event-loop delay p50 ${more(p50)} ms, p99 ${more(p99)} ms, peak memory ${more(peak)} MiB`)
  if (syscalls) console.log(`  ${''.padEnd(30)} system calls ${syscalls.ours} to ${syscalls.theirs}`)
}

function benchPeers (names) {
  return names.flatMap(name => {
    const { title, peers } = require(`./cases/${name}.js`)
    console.log(`${name}: ${title}`)
    return peers.filter(peer => !PEERS[peer].isMissing).map(peer => {
      const result = compare(name, peer)
      print(result)
      return result
    })
  })
}

/** Each high-water mark beside our default one. */
function benchMarks (names) {
  return names.flatMap(name => {
    console.log(`${name}: speed by mark as a part of that at ${OUR_MARK / KIB} KiB, event-loop delay p99, peak memory`)
    const runs = MARKS.map(() => [])
    for (let round = 0; round < rounds; round++) MARKS.forEach((mark, at) => runs[at].push(measure(name, 'spillway', { mark })))
    const base = runs[MARKS.indexOf(OUR_MARK)]
    return MARKS.map((mark, at) => {
      const result = {
        name,
        mark,
        speed: spread(runs[at].map((run, round) => base[round].time / run.time)),
        p99: median(runs[at].map(run => run.p99)),
        peak: median(runs[at].map(run => run.peak))
      }
      console.log(`  ${`${mark / KIB} KiB`.padStart(9)}  ${times(result.speed)}  ${result.p99.toFixed(1)} ms  ${result.peak.toFixed(0)} MiB`)
      return result
    })
  })
}

function main () {
  const unknown = positionals.find(name => !allCases.includes(name))
  if (unknown !== undefined) throw new Error(`no case named ${unknown}: ${allCases.join(', ')}`)
  fs.writeFileSync(source, Buffer.alloc(SOURCE.period.length * SOURCE.count / shrink, SOURCE.period))
  const names = positionals.length > 0 ? positionals : allCases
  const marks = options.marks || options.report ? benchMarks(positionals.length > 0 ? positionals : CASES_BY_MARK) : []
  const results = options.marks ? [] : benchPeers(names)
  if (options.report) {
    const memory = ['spillway', 'stock'].map(peer => ({ peer, series: measure('flood', peer, { watches: true }).series }))
    writeReport({ results, marks, memory, rounds, folder: options.dir })
  }
}

try {
  main()
} finally {
  fs.rmSync(folder, { recursive: true, force: true })
}

'use strict'

// npm run bench [-- --rounds N] [--marks] [--dir FOLDER] [CASE ...]
//
// Ours and stock in alternation, each time in a fresh process, on tmpfs unless
// --dir names another place. Prints medians of the ratios, with the lowest and
// the highest, and what both sides had. --marks compares high-water marks instead of peers.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { CASES, SOURCE_SIZE } = require('./case.js')

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    marks: { type: 'boolean', default: false },
    dir: { type: 'string', default: fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir() }
  }
})

const DEFAULT_MARK = 1024 * 1024
const KIB = 1024
const PEERS = [
  { name: 'stock, its defaults', which: 'stock' },
  { name: 'stock, our mark', which: 'stock', mark: DEFAULT_MARK },
  { name: 'SonicBoom, asynchronous', which: 'sonic-boom' }
]
const MARKS = [64, 128, 256, 512, 1024, 2048, 4096].map(kib => ({ name: `${kib} KiB`, which: 'spillway', mark: kib * KIB }))

const rounds = Number(options.rounds)
const folder = fs.mkdtempSync(path.join(options.dir, 'spillway-bench-'))
const file = path.join(folder, 'file')
const names = positionals.length > 0 ? positionals : Object.keys(CASES)

function measure (name, { which, mark }) {
  const args = [path.join(__dirname, 'case.js'), which, name, file, ...(mark ? [String(mark)] : [])]
  const printed = execFileSync(process.execPath, args, { encoding: 'utf8' })
  fs.rmSync(file)
  return JSON.parse(printed)
}

const median = values => values.toSorted((a, b) => a - b)[values.length >> 1]
const times = values => `${median(values).toFixed(2)} × (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`
const sign = value => `${value >= 0 ? '+' : ''}${value.toFixed(1)}`

/** How the runs of ours compare with those of the peer beside them. */
function compare (name, ours, peer, theirs) {
  const ratios = key => ours.map((run, round) => run[key] / theirs[round][key])
  const both = (key, unit) => {
    const difference = median(ours.map((run, round) => run[key] - theirs[round][key]))
    return `${median(ours.map(run => run[key])).toFixed(1)} ${unit} to ${median(theirs.map(run => run[key])).toFixed(1)} (${sign(difference)})`
  }
  console.log(`${name} against ${peer.name}`)
  console.log(`  speed ${times(ratios('time').map(value => 1 / value))}, CPU ${times(ratios('cpu'))}`)
  console.log(`  event-loop delay p99 ${both('p99', 'ms')}, peak memory ${both('peak', 'MiB')}`)
}

function benchPeers (name) {
  const peers = PEERS.filter(({ which }) => which !== 'sonic-boom' || CASES[name].isForSonicBoom)
  const ours = []
  const theirs = peers.map(() => [])
  for (let round = 0; round < rounds; round++) {
    ours.push(measure(name, { which: 'spillway' }))
    peers.forEach((peer, at) => theirs[at].push(measure(name, peer)))
  }
  peers.forEach((peer, at) => compare(name, ours, peer, theirs[at]))
}

function benchMarks (name) {
  const runs = MARKS.map(() => [])
  for (let round = 0; round < rounds; round++) MARKS.forEach((mark, at) => runs[at].push(measure(name, mark)))
  const base = runs[MARKS.findIndex(({ mark }) => mark === DEFAULT_MARK)]
  console.log(`${name}: speed as a part of that at 1 MiB, event-loop delay p99, peak memory`)
  MARKS.forEach((mark, at) => {
    const speeds = runs[at].map((run, round) => base[round].time / run.time)
    console.log(`  ${mark.name.padStart(8)}  ${times(speeds)}  ${median(runs[at].map(run => run.p99)).toFixed(1)} ms  ` +
      `${median(runs[at].map(run => run.peak)).toFixed(0)} MiB`)
  })
}

try {
  for (const name of names) {
    if (!(name in CASES)) throw new Error(`no case named ${JSON.stringify(name)}: ${Object.keys(CASES).join(', ')}`)
    if (CASES[name].needsSource && !fs.existsSync(`${file}.source`)) fs.writeFileSync(`${file}.source`, Buffer.alloc(SOURCE_SIZE, 'spillway '))
    if (options.marks) benchMarks(name)
    else benchPeers(name)
  }
} finally {
  fs.rmSync(folder, { recursive: true, force: true })
}

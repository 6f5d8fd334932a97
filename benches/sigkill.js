'use strict'

// node benches/sigkill.js [TRIALS]
//
// What SIGKILL costs: a child writes lines, each with the time at which it was
// accepted, and is killed at a random moment. Checks that the file is a prefix
// of what was accepted, and prints how old the oldest lost byte was, for us and
// others. What we accepted more than 5 ms before the kill must be in the file.
//
// Wants a calm machine: who does not get the processor can't write.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { createWriteStream } = require('..')
const { median } = require('./report.js')

/** The oldest byte, in milliseconds, that we may lose. */
const OLDEST = 5
const LINES_A_TURN = 10
/** A line is its number, filled up: 100 bytes. */
const lineOf = number => `${String(number).padEnd(99, '.')}\n`
const LINE = lineOf(0).length

const sonicBoom = minLength => dest => {
  const SonicBoom = require('sonic-boom')
  return new SonicBoom({ dest, sync: false, minLength })
}

const PEERS = {
  spillway: file => createWriteStream(file),
  stock: file => fs.createWriteStream(file),
  'SonicBoom, minLength 4096': sonicBoom(4096),
  'SonicBoom, minLength 0': sonicBoom(0)
}

/** The same clock in all processes: milliseconds. */
const now = () => Number(process.hrtime.bigint()) / 1e6

/** The child: writes lines in each turn, and tells through descriptor 3 when each was accepted. */
function produce (peer, file) {
  const out = PEERS[peer](file)
  const times = new Float64Array(LINES_A_TURN)
  let number = 0
  const turn = () => {
    for (let at = 0; at < LINES_A_TURN; at++) {
      out.write(lineOf(number++))
      times[at] = now()
    }
    fs.writeSync(3, times)
    setImmediate(turn)
  }
  out.once('ready', turn)
}

/** Throws unless `content` is the beginning of the lines, be the last one cut. */
function checkPrefix (content, peer) {
  for (let at = 0; at < content.length; at += LINE) {
    const line = content.toString('latin1', at, at + LINE)
    if (!lineOf(at / LINE).startsWith(line)) throw new Error(`${peer}: the file is no prefix, from byte ${at} on`)
  }
}

/** @returns {Promise<number>} the age of the oldest lost byte, in milliseconds; 0: nothing was lost */
async function trial (peer, file, duration) {
  const child = spawn(process.execPath, [__filename, '--child', peer, file], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] })
  const parts = []
  child.stdio[3].on('data', part => parts.push(part))
  await once(child.stdio[3], 'data')
  await new Promise(resolve => setTimeout(resolve, duration))
  const end = now()
  child.kill('SIGKILL')
  await once(child, 'close')
  const log = Buffer.concat(parts)
  const accepted = Math.floor(log.length / 8)
  const content = fs.readFileSync(file)
  // SonicBoom appends.
  fs.rmSync(file)
  checkPrefix(content, peer)
  const written = Math.floor(content.length / LINE)
  return written < accepted ? Math.max(0, end - log.readDoubleLE(8 * written)) : 0
}

async function main (trials) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-sigkill-'))
  const ages = new Map(Object.keys(PEERS).map(peer => [peer, []]))
  try {
    for (let number = 0; number < trials; number++) {
      for (const [peer, list] of ages) list.push(await trial(peer, path.join(folder, 'file'), 100 + Math.random() * 200))
    }
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
  console.log(`age of the oldest lost byte in ${trials} trials, in ms`)
  for (const [peer, list] of ages) {
    console.log(`  ${peer.padEnd(26)} median ${median(list).toFixed(2)}, worst ${Math.max(...list).toFixed(2)}`)
  }
  const late = ages.get('spillway').filter(age => age > OLDEST).length
  if (late === 0) return
  console.error(`spillway lost bytes older than ${OLDEST} ms in ${late} of ${trials} trials`)
  process.exitCode = 1
}

const [first, ...rest] = process.argv.slice(2)
if (first === '--child') produce(...rest)
else main(Number(first ?? 50))

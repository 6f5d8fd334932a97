'use strict'

// node fuzz/stream/run.js [SECONDS] [--seed N] [--programs N] [--package PATH] [--shrink N]
//
// Draws random programs and plays each on Node's fs.createWriteStream and on
// spillway's. What differs is printed and shrunk; exit code 1 then.
//
//   --seed N        program number i is drawn with the seed N + i: a difference
//                   prints its own, which with --programs 1 is that program alone
//   --programs N    ends after as many; without SECONDS or this after a minute
//   --package PATH  what is compared with stock: spillway, or `node:fs` to see
//                   whether stock is the same as itself
//   --shrink N      so many differences are shrunk, 3 if it is not given; the others are told in a line

const path = require('node:path')
const { parseArgs } = require('node:util')
const fc = require('fast-check')
const { compare, unexplained } = require('./compare.js')
const { late } = require('./play.js')
const { program } = require('./program.js')
const { diff, kindOf } = require('./report.js')

/** How long one difference is shrunk at most, in milliseconds. */
const SHRINK_TIME = 20_000

/** A difference that comes every time need not be seen a hundred times to be shrunk. */
const TIMES_IF_STEADY = 5

/** Seeds in a row must not make programs alike: the last steps of murmur3. */
function scatter (seed) {
  seed = Math.imul(seed ^ seed >>> 16, 0x85ebca6b)
  seed = Math.imul(seed ^ seed >>> 13, 0xc2b2ae35)
  return seed ^ seed >>> 16
}

function draw (seed) {
  return fc.sample(program, { seed: scatter(seed), numRuns: 1, unbiased: true })[0]
}

/** The kinds of differences that were shrunk, and in the program of which seed. */
const shrunk = new Map()

function kindOfComparison (comparison) {
  const { stock, ours } = unexplained(comparison.stock, comparison.ours)
  return kindOf(stock, ours)
}

/** @returns {Promise<{ program: object, comparison: object }>} the smallest program found that differs */
async function shrink (seed, kind, api) {
  let smallest
  const property = fc.asyncProperty(program, async drawn => {
    const comparison = await compare(drawn, api, { timesIfSteady: TIMES_IF_STEADY, isHurried: true })
    // It is not to become one that was told already.
    if (comparison.known !== null || (shrunk.has(kindOfComparison(comparison)) && kindOfComparison(comparison) !== kind)) return
    smallest = { program: drawn, comparison }
    throw new Error('differs')
  })
  await fc.check(property, { seed: scatter(seed), numRuns: 1, unbiased: true, interruptAfterTimeLimit: SHRINK_TIME })
  return smallest
}

const count = (counts, name) => counts.set(name, (counts.get(name) ?? 0) + 1)

function print (title, counts) {
  if (counts.size === 0) return
  console.log(`${title}:`)
  for (const [name, times] of [...counts].sort((one, other) => other[1] - one[1])) console.log(`  ${times} × ${name}`)
}

/** Tells of a program that differs. @returns {Promise<string>} its kind */
async function tell (seed, comparison, api, isToBeShrunk) {
  const kind = kindOfComparison(comparison)
  const isLike = shrunk.get(kind)
  console.log(`seed ${seed} differs: ${kind}${isLike === undefined ? '' : `, like seed ${isLike}`}`)
  if (!isToBeShrunk || isLike !== undefined) return kind
  const found = await shrink(seed, kind, api) ?? { program: draw(seed), comparison }
  for (const one of [kind, kindOfComparison(found.comparison)]) if (!shrunk.has(one)) shrunk.set(one, seed)
  const { stock, ours } = unexplained(found.comparison.stock, found.comparison.ours)
  console.log(`${JSON.stringify(found.program)}\n${diff(stock, ours)}\n`)
  return kind
}

/** Whether it was no accident that something came when the program was over. @returns {Promise<string | undefined>} what */
async function comesLateAgain (program, api) {
  for (let times = 0; times < 2; times++) {
    await compare(program, api)
    await new Promise(resolve => setImmediate(resolve))
  }
  return late.splice(0)[0]?.what
}

async function run ({ seconds, seed, programs, api, shrinks }) {
  const until = performance.now() + seconds * 1000
  const totals = { programs: 0, again: 0, kinds: new Map(), known: new Map(), mistakes: new Map() }
  for (; totals.programs < programs && performance.now() < until; seed++) {
    const comparison = await compare(draw(seed), api)
    totals.programs++
    for (const one of late.splice(0)) {
      const what = await comesLateAgain(one.program, api)
      if (what !== undefined) count(totals.kinds, `${what} comes after the end of ${JSON.stringify(one.program)}`)
    }
    if (comparison.times > 1) totals.again++
    for (const error of comparison.stock.machineErrors) count(totals.mistakes, `${error.message} (seed ${seed})`)
    if (comparison.known === null) count(totals.kinds, await tell(seed, comparison, api, shrunk.size < shrinks))
    else comparison.known.forEach(name => count(totals.known, name))
  }
  return totals
}

async function main () {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seed: { type: 'string' }, programs: { type: 'string' }, package: { type: 'string' }, shrink: { type: 'string' } }
  })
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
  const name = values.package ?? path.join(__dirname, '../..')
  // The folders go when the process ends in an orderly way.
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      console.log(signal)
      process.exit(1)
    })
  }
  // They are about programs like these.
  process.removeAllListeners('warning')
  console.log(`Node ${process.version}, seed ${seed}, ${name}`)
  const totals = await run({
    seconds: Number(positionals[0] ?? (values.programs === undefined ? 60 : Infinity)),
    seed,
    programs: Number(values.programs ?? Infinity),
    api: require(name.startsWith('node:') ? name : path.resolve(name)),
    shrinks: Number(values.shrink ?? 3)
  })
  const differing = [...totals.kinds.values()].reduce((sum, times) => sum + times, 0)
  console.log(`${totals.programs} programs, ${totals.again} of them played again, ${differing} differ`)
  print('Differences', totals.kinds)
  print('Known differences', totals.known)
  print('Errors without a code', totals.mistakes)
  process.exit(differing > 0 ? 1 : 0)
}

// What ends it before its end is no success: play.js takes what nobody else catches for the program's.
process.exitCode = 2
main().catch(error => {
  console.log(error)
  process.exit(2)
})

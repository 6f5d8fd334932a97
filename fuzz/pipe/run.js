'use strict'

// node fuzz/pipe/run.js [SECONDS] [--seed N] [--programs N] [--shrink N]
//
// Draws random programs around the pipe of a file into a file, and plays each on
// Node's fs.createWriteStream and on spillway's. What differs, and what does not
// hold, is printed and shrunk; exit code 1 then.
//
//   --seed N      program number i is drawn with the seed N + i: what is told
//                 prints its own, which with --programs 1 is that program alone
//   --programs N  ends after as many; without SECONDS or this after a minute
//   --shrink N    so many are shrunk, 3 if it is not given; the others are told in a line

const path = require('node:path')
const { parseArgs } = require('node:util')
const fc = require('fast-check')
const { diff, kindOf } = require('../stream/report.js')
const { compare, linesOf } = require('./compare.js')
const { program } = require('./program.js')

/** How long one is shrunk at most, in milliseconds. */
const SHRINK_TIME = 30_000

/** Seeds in a row must not make programs alike: the last steps of murmur3. */
function scatter (seed) {
  seed = Math.imul(seed ^ seed >>> 16, 0x85ebca6b)
  seed = Math.imul(seed ^ seed >>> 13, 0xc2b2ae35)
  return seed ^ seed >>> 16
}

function draw (seed) {
  return fc.sample(program, { seed: scatter(seed), numRuns: 1, unbiased: true })[0]
}

function kindOfComparison ({ stock, ours }) {
  if (stock.problems.length > 0) return `stock: ${general(stock.problems[0])}`
  if (ours.problems.length > 0) return general(ours.problems[0])
  return kindOf(linesOf(stock), linesOf(ours))
}

const general = text => text.replace(/\d+/g, 'n').slice(0, 100)

/** @returns {Promise<{ program: object, comparison: object } | undefined>} the smallest program found that shows the same */
async function shrink (seed, kind, api) {
  let smallest
  const property = fc.asyncProperty(program, async drawn => {
    const comparison = await compare(drawn, api)
    if (comparison.isSame || kindOfComparison(comparison) !== kind) return
    smallest = { program: drawn, comparison }
    throw new Error('differs')
  })
  await fc.check(property, { seed: scatter(seed), numRuns: 1, unbiased: true, interruptAfterTimeLimit: SHRINK_TIME })
  return smallest
}

async function tell (seed, comparison, api, kinds, shrinks) {
  const kind = kindOfComparison(comparison)
  const isNew = !kinds.has(kind)
  kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  console.log(`seed ${seed}: ${kind}${[...comparison.stock.problems, ...comparison.ours.problems].map(problem => `\n    ${problem}`).join('')}`)
  if (!isNew || kinds.size > shrinks) return
  const found = await shrink(seed, kind, api) ?? { program: draw(seed), comparison }
  console.log(`${JSON.stringify(found.program)}\n${diff(linesOf(found.comparison.stock), linesOf(found.comparison.ours))}\n`)
}

async function run ({ seconds, seed, programs, api, shrinks }) {
  const until = performance.now() + seconds * 1000
  const totals = { programs: 0, again: 0, kinds: new Map() }
  for (; totals.programs < programs && performance.now() < until; seed++) {
    const comparison = await compare(draw(seed), api)
    totals.programs++
    if (comparison.times > 1) totals.again++
    if (!comparison.isSame) await tell(seed, comparison, api, totals.kinds, shrinks)
  }
  return totals
}

async function main () {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seed: { type: 'string' }, programs: { type: 'string' }, shrink: { type: 'string' } }
  })
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
  // The folders go when the process ends in an orderly way.
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      console.log(signal)
      process.exit(1)
    })
  }
  // They are about programs like these.
  process.removeAllListeners('warning')
  console.log(`Node ${process.version}, seed ${seed}`)
  const totals = await run({
    seconds: Number(positionals[0] ?? (values.programs === undefined ? 60 : Infinity)),
    seed,
    programs: Number(values.programs ?? Infinity),
    api: require(path.join(__dirname, '../..')),
    shrinks: Number(values.shrink ?? 3)
  })
  const differing = [...totals.kinds.values()].reduce((sum, times) => sum + times, 0)
  console.log(`${totals.programs} programs, ${totals.again} of them played again, ${differing} differ`)
  for (const [kind, times] of totals.kinds) console.log(`  ${times} × ${kind}`)
  process.exit(differing > 0 ? 1 : 0)
}

// What ends it before its end is no success.
process.exitCode = 2
main().catch(error => {
  console.log(error)
  process.exit(2)
})

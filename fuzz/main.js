'use strict'

// The head of a fuzzer: hands out seeds, and tells what comes of them.

const { parseArgs } = require('node:util')
const Member = require('./crew.js')

const count = (counts, name) => counts.set(name, (counts.get(name) ?? 0) + 1)
const sum = counts => [...counts.values()].reduce((sum, times) => sum + times, 0)

class Report {
  /** @param {number} shrinks how many kinds of differences are shrunk */
  constructor (shrinks) {
    this.shrinks = shrinks
    this.programs = 0
    this.again = 0
    this.kinds = new Map()
    this.known = new Map()
    this.mistakes = new Map()
    /** The kinds that are told, each with the seed of the first. */
    this.told = new Map()
  }

  /**
   * @param {number} seed
   * @param {object} verdict what a judge has answered: `kinds` are those of the differences
   * @param {Member} member who is to shrink it
   */
  async note (seed, { death, isAgain = false, kinds = [], lines = [], known = [], mistakes = [] }, member) {
    this.programs++
    if (isAgain) this.again++
    known.forEach(name => count(this.known, name))
    mistakes.forEach(text => count(this.mistakes, `${text} (seed ${seed})`))
    for (const kind of death === undefined ? kinds : [`its process died: ${death}`]) {
      const like = this.told.get(kind)
      count(this.kinds, kind)
      console.log([`seed ${seed} differs: ${kind}${like === undefined ? '' : `, like seed ${like}`}`, ...lines].join('\n'))
      if (like !== undefined) continue
      this.told.set(kind, seed)
      if (death === undefined && this.shrinks-- > 0) await this.shrink(seed, kind, member)
    }
  }

  async shrink (seed, kind, member) {
    const { death, text, kinds } = await member.ask({ shrink: seed, kind, told: [...this.told.keys()] })
    if (death !== undefined) return console.log(`  its process died when it was shrunk: ${death}\n`)
    for (const one of kinds) if (!this.told.has(one)) this.told.set(one, seed)
    console.log(`${text}\n`)
  }

  print () {
    console.log(`${this.programs} programs, ${this.again} of them played again, ${sum(this.kinds)} differ`)
    print('Differences', this.kinds)
    print('Known differences', this.known)
    print('Errors without a code', this.mistakes)
  }
}

function print (title, counts) {
  if (counts.size === 0) return
  console.log(`${title}:`)
  for (const [name, times] of [...counts].sort((one, other) => other[1] - one[1])) console.log(`  ${times} × ${name}`)
}

/**
 * @param {string} judge path of the module that plays programs
 * @param {(values: object) => string[]} argsOf what it is to know of the options
 * @param {object} [options] more of them, for parseArgs
 */
async function main (judge, argsOf = () => [], options = {}) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seed: { type: 'string' }, programs: { type: 'string' }, jobs: { type: 'string' }, shrink: { type: 'string' }, ...options }
  })
  const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
  const programs = Number(values.programs ?? Infinity)
  const until = performance.now() + 1000 * Number(positionals[0] ?? (values.programs === undefined ? 60 : Infinity))
  const report = new Report(Number(values.shrink ?? 3))
  const members = Array.from({ length: Math.min(programs, Number(values.jobs ?? 2)) }, () => new Member([judge, ...argsOf(values)]))
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      console.log(signal)
      report.print()
      process.exit(1)
    })
  }
  console.log(`Node ${process.version}, seed ${first}`)
  let next = 0
  await Promise.all(members.map(async member => {
    while (next < programs && performance.now() < until) {
      const seed = first + next++
      await report.note(seed, await member.ask({ judge: seed }), member)
    }
    member.end()
  }))
  report.print()
  process.exitCode = report.kinds.size > 0 ? 1 : 0
}

/** As `main`; what ends it before its end is no success. */
function run (...args) {
  process.exitCode = 2
  main(...args).catch(error => {
    console.log(error)
    process.exit(2)
  })
}

module.exports = run

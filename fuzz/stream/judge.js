'use strict'

// Plays the programs of seeds, and tells what differs.

const seeds = require('../seeds.js')
const { compare, unexplained } = require('./compare.js')
const { late } = require('./play.js')
const { program } = require('./program.js')
const { diff, kindOf } = require('./report.js')

/** How long one difference is shrunk at most, in milliseconds. */
const SHRINK_TIME = 20_000

/** A difference that comes every time need not be seen a hundred times to be shrunk. */
const TIMES_IF_STEADY = 5

function kindOfComparison (comparison) {
  const { stock, ours } = unexplained(comparison.stock, comparison.ours)
  return kindOf(stock, ours)
}

/** Whether it was no accident that something came when the program was over. @returns {Promise<string | undefined>} what */
async function comesLateAgain (program, api) {
  for (let times = 0; times < 2; times++) {
    await compare(program, api)
    await new Promise(resolve => setImmediate(resolve))
  }
  return late.splice(0)[0]?.what
}

async function judge (seed, api) {
  const comparison = await compare(seeds.draw(program, seed), api)
  const kinds = []
  for (const one of late.splice(0)) {
    const what = await comesLateAgain(one.program, api)
    if (what !== undefined) kinds.push(`${what} comes after the end of ${JSON.stringify(one.program)}`)
  }
  const { known, stock: { machineErrors }, times } = comparison
  if (known === null) kinds.push(kindOfComparison(comparison))
  return { isAgain: times > 1, kinds, known: known ?? [], mistakes: machineErrors.map(({ message }) => message) }
}

/**
 * @param {number} seed
 * @param {string} kind
 * @param {string[]} told kinds that it is not to become
 * @returns {Promise<{ kinds: string[], text: string }>} the smallest program found that differs
 */
async function shrink (seed, kind, told, api) {
  let smallest
  await seeds.shrink(program, seed, SHRINK_TIME, async drawn => {
    const comparison = await compare(drawn, api, { timesIfSteady: TIMES_IF_STEADY, isHurried: true })
    if (comparison.known !== null || (told.includes(kindOfComparison(comparison)) && kindOfComparison(comparison) !== kind)) return false
    smallest = { drawn, comparison }
    return true
  })
  if (smallest === undefined) return { kinds: [], text: `not once more: ${JSON.stringify(seeds.draw(program, seed))}` }
  const { stock, ours } = unexplained(smallest.comparison.stock, smallest.comparison.ours)
  return { kinds: [kindOfComparison(smallest.comparison)], text: `${JSON.stringify(smallest.drawn)}\n${diff(stock, ours)}` }
}

/** @param {string} name of the package that is compared with stock */
module.exports = name => {
  const api = require(name)
  return question => question.judge !== undefined ? judge(question.judge, api) : shrink(question.shrink, question.kind, question.told, api)
}

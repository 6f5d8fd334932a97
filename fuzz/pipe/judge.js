'use strict'

// Plays the programs of seeds, and tells what differs.

const path = require('node:path')
const seeds = require('../seeds.js')
const report = require('../stream/report.js')
const { compare, kindOf, linesOf } = require('./compare.js')
const { program } = require('./program.js')

/** How long one is shrunk at most, in milliseconds. */
const SHRINK_TIME = 30_000

function kindOfComparison ({ stock, ours }) {
  if (ours.problems.length > 0) return kindOf(ours.problems[0])
  return report.kindOf(linesOf(stock), linesOf(ours))
}

async function judge (seed, api) {
  const comparison = await compare(seeds.draw(program, seed), api)
  const { isSame, stock, ours, times } = comparison
  const problems = [...stock.problems, ...ours.problems].map(problem => `    ${problem}`)
  return { isAgain: times > 1, kinds: isSame ? [] : [kindOfComparison(comparison)], lines: problems }
}

/** @returns {Promise<{ kinds: string[], text: string }>} the smallest program found that shows the same */
async function shrink (seed, kind, api) {
  let smallest
  await seeds.shrink(program, seed, SHRINK_TIME, async drawn => {
    const comparison = await compare(drawn, api)
    if (comparison.isSame || kindOfComparison(comparison) !== kind) return false
    smallest = { drawn, comparison }
    return true
  })
  if (smallest === undefined) return { kinds: [], text: `not once more: ${JSON.stringify(seeds.draw(program, seed))}` }
  const { stock, ours } = smallest.comparison
  return { kinds: [], text: `${JSON.stringify(smallest.drawn)}\n${report.diff(linesOf(stock), linesOf(ours))}` }
}

module.exports = () => {
  const api = require(path.join(__dirname, '../..'))
  return question => question.judge !== undefined ? judge(question.judge, api) : shrink(question.shrink, question.kind, api)
}

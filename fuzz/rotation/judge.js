'use strict'

// Plays the programs of seeds, and tells what did not hold.

const path = require('node:path')
const seeds = require('../seeds.js')
const { play } = require('./play.js')
const { program } = require('./program.js')

/** How long one is shrunk at most, in milliseconds. */
const SHRINK_TIME = 30_000

const kindOf = problem => problem.replace(/\d+/g, 'n').slice(0, 100)

module.exports = () => {
  const { createWriteStream } = require(path.join(__dirname, '../..'))

  async function judge (seed) {
    const problems = await play(seeds.draw(program, seed), createWriteStream)
    return { kinds: problems.slice(0, 1).map(kindOf), lines: problems.map(problem => `    ${problem}`) }
  }

  /** @returns {Promise<{ kinds: string[], text: string }>} the smallest program found that shows the same */
  async function shrink (seed, kind) {
    let text = `not once more: ${JSON.stringify(seeds.draw(program, seed))}`
    await seeds.shrink(program, seed, SHRINK_TIME, async drawn => {
      const problems = await play(drawn, createWriteStream)
      if (problems.length === 0 || kindOf(problems[0]) !== kind) return false
      text = [JSON.stringify(drawn), ...problems].join('\n')
      return true
    })
    return { kinds: [], text }
  }

  return question => question.judge !== undefined ? judge(question.judge) : shrink(question.shrink, question.kind)
}

'use strict'

// Programs by their seeds.

const fc = require('fast-check')

/** Seeds in a row must not make programs alike: the last steps of murmur3. */
function scatter (seed) {
  seed = Math.imul(seed ^ seed >>> 16, 0x85ebca6b)
  seed = Math.imul(seed ^ seed >>> 13, 0xc2b2ae35)
  return seed ^ seed >>> 16
}

/**
 * @param {import('fast-check').Arbitrary<object>} program
 * @param {number} seed
 */
function draw (program, seed) {
  return fc.sample(program, { seed: scatter(seed), numRuns: 1, unbiased: true })[0]
}

/**
 * Makes the program of `seed` smaller, for at most `time` milliseconds.
 * @param {(drawn: object) => Promise<boolean>} isBad whether one still shows what it is to show; the last of these is the smallest
 */
async function shrink (program, seed, time, isBad) {
  const property = fc.asyncProperty(program, async drawn => {
    if (await isBad(drawn)) throw new Error('bad')
  })
  await fc.check(property, { seed: scatter(seed), numRuns: 1, unbiased: true, interruptAfterTimeLimit: time })
}

module.exports = { draw, shrink }

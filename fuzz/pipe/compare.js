'use strict'

// Plays a program on stock and on spillway, and tells whether both did the same.

const fs = require('node:fs')
const { play } = require('./play.js')
const { ofStock, ofOurs } = require('./moments.js')
const { playInWorker, playInChild } = require('./away.js')

/** How often both are played at most: what is a matter of time comes out differently from time to time. */
const TIMES = 100

/** @returns {string[]} a result as lines */
function linesOf ({ logs, state, left, undisturbed, problems }) {
  return [
    ...Object.entries(logs).map(([who, events]) => `${who}: ${events.join(', ')}`),
    ...state ?? [],
    `left open: ${left}`,
    `undisturbed: ${JSON.stringify(undisturbed)}`,
    ...problems
  ]
}

/** A problem without its numbers. */
const kindOf = problem => problem.replace(/\d+/g, 'n').slice(0, 100)

const kindsOf = result => result.problems.map(kindOf)

const keyOf = result => linesOf({ ...result, problems: kindsOf(result) }).join('\n')

/**
 * How far the reader has come when a write fails is a matter of time that no delay of stock's brings about:
 * of a small rest stock has read the end by then, and a copy fails before.
 * @returns {string} all but what the reader tells, if a write has failed
 */
function keyWithoutReader (result) {
  const { logs, state } = result
  if (!logs.target?.some(event => FAILED_WRITE.test(event))) return keyOf(result)
  const uncaught = logs.uncaught.filter(what => what !== '0 was not closed')
  return keyOf({ ...result, logs: { ...logs, source: [], uncaught }, state: state.slice(1) })
}

const FAILED_WRITE = /^error E\w+ write$/

const WHERE = { here: play, worker: playInWorker }

/**
 * @typedef {object} Comparison
 * @property {boolean} isSame
 * @property {object} stock a result
 * @property {object} ours a result
 * @property {number} times how often both were played
 */

/**
 * @param {object} program
 * @param {{ createWriteStream: Function }} api spillway
 * @returns {Promise<Comparison>}
 */
async function compare (program, api) {
  if (program.where === 'child') return compareInChild(program)
  const playThere = WHERE[program.where]
  const results = { stock: new Map(), ours: new Map() }
  for (let times = 1; ; times++) {
    const isAgain = times > 1
    const stock = await playThere(program, fs, isAgain ? ofStock(program) : {})
    const ours = await playThere(program, api, isAgain ? ofOurs() : {})
    results.stock.set(keyWithoutReader(stock), stock)
    results.ours.set(keyWithoutReader(ours), ours)
    const common = [...results.stock.keys()].find(key => results.ours.has(key))
    // What Node's own stream does as well is no fault of ours; what it never does is a fault, though it comes but once.
    const known = new Set([...results.stock.values()].flatMap(kindsOf))
    const fault = [...results.ours.values()].find(result => kindsOf(result).some(kind => !known.has(kind)))
    if (common !== undefined && fault === undefined) return { isSame: true, stock: results.stock.get(common), ours: results.ours.get(common), times }
    if (times === TIMES) return { isSame: false, stock: first(results.stock), ours: fault ?? first(results.ours), times }
  }
}

const first = results => results.values().next().value

/** The end of a process has no equal: it is looked whether what is to hold does. */
async function compareInChild (program) {
  const ours = await playInChild(program)
  return { isSame: ours.problems.length === 0, stock: { ...ours, problems: [] }, ours, times: 1 }
}

module.exports = { compare, kindOf, linesOf }

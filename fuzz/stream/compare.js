'use strict'

// Plays a program on stock and on spillway, and tells whether both did the same.

const fs = require('node:fs')
const { createHash } = require('node:crypto')
const known = require('./differences.js')
const { play } = require('./play.js')

/** How often both are played at most. What is a matter of time comes out differently from time to time, in stock as well. */
const TIMES = 100

/** How long the thread is held up at random, in microseconds, so that many orders of what is a matter of time are seen. */
const DELAYS = [0, 0, 20, 60, 200, 1000]

const never = new Int32Array(new SharedArrayBuffer(4))

function jitter () {
  const delay = DELAYS[Math.floor(Math.random() * DELAYS.length)]
  if (delay > 0) Atomics.wait(never, 0, 0, delay / 1000)
}

/** @returns {string[]} a result as lines */
function linesOf ({ entries, files, left, own }) {
  return [
    ...entries.map(({ text, tick, state, bytes }) => printable(`+${tick} ${text} | ${state} bytesWritten=${bytes}`)),
    ...[...files].sort().map(([name, bytes]) => `file ${name}: ${contentOf(bytes)}`),
    `left open: ${left}${own}`
  ]
}

const printable = text => text.replace(/[^ -~]/g, unit => `\\u${unit.charCodeAt(0).toString(16)}`)

function contentOf (bytes) {
  if (bytes.length <= 200) return `'${printable(bytes.toString('latin1'))}'`
  return `${bytes.length} bytes, ${createHash('md5').update(bytes).digest('hex')}`
}

const keyOf = result => { result.key ??= linesOf(result).join('\n'); return result.key }

/** A copy of a result that differences may change. */
function copyOf (result) {
  const { entries, files } = result
  return { ...result, key: undefined, entries: entries.map(entry => ({ ...entry })), files: new Map(files) }
}

/** @returns {{ stock: object, ours: object }} copies, without what `differences` explain */
function normalised (stock, ours, differences) {
  const pair = { stock: copyOf(stock), ours: copyOf(ours) }
  for (const { apply } of differences) apply(pair.stock, pair.ours)
  return pair
}

function isSameBut (stock, ours, differences) {
  const pair = normalised(stock, ours, differences)
  return keyOf(pair.stock) === keyOf(pair.ours)
}

/** @returns {string[] | null} the known differences that explain how two results differ; null: they don't */
function explain (stock, ours) {
  if (keyOf(stock) === keyOf(ours)) return []
  if (!isSameBut(stock, ours, known)) return null
  return known.filter(one => !isSameBut(stock, ours, known.filter(other => other !== one))).map(({ name }) => name)
}

/** Adds a result that has not been there. */
function add (results, result) {
  if (!results.some(other => keyOf(other) === keyOf(result))) results.push(result)
}

/**
 * @typedef {object} Comparison
 * @property {string[] | null} known names of the known differences between them; null: they differ
 * @property {object} stock a result
 * @property {object} ours a result
 * @property {number} times how often both were played
 */

/**
 * @param {object} program
 * @param {{ createWriteStream: Function, WriteStream: Function }} api spillway
 * @param {{ timesIfSteady?: number, isHurried?: boolean }} [options] how often both are played if each does the same every time;
 *   whether news that come late may be missed
 * @returns {Promise<Comparison>}
 */
async function compare (program, api, { timesIfSteady = TIMES, isHurried } = {}) {
  const stocks = []
  const all = []
  for (let times = 1; ; times++) {
    const options = times > 1 ? { jitter } : { isHurried }
    add(stocks, await play(program, fs, options))
    add(all, await play(program, api, { ...options, example: stocks.at(-1) }))
    for (const stock of stocks) {
      for (const ours of all) {
        const names = explain(stock, ours)
        if (names !== null) return { known: names, stock, ours, times }
      }
    }
    const isSteady = times >= timesIfSteady && stocks.length === 1 && all.length === 1
    if (times === TIMES || isSteady) return { known: null, stock: stocks[0], ours: all[0], times }
  }
}

/** @returns {{ stock: string[], ours: string[] }} how two results differ, in lines, without what is known */
function unexplained (stock, ours) {
  const pair = normalised(stock, ours, known)
  return { stock: linesOf(pair.stock), ours: linesOf(pair.ours) }
}

module.exports = { compare, unexplained }

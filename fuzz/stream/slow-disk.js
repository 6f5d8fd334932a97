'use strict'

// A disk that takes its time: what Node is told by the functions of fs, it is
// told some turns of the event loop later, at random. On such a disk stock, too,
// does what it does on others only now and then.

const fs = require('node:fs')

const FUNCTIONS = ['open', 'close', 'read', 'write', 'writev', 'fsync']

/** Turns of the event loop. For each function one list is drawn, and from it the delay of each call: slow always, now and then, or never. */
const TURNS = [[0], [0, 1, 3], [1, 2], [3, 20], [0, 20], [60]]

const among = values => values[Math.floor(Math.random() * values.length)]

/** Calls that are done, of which Node is not told yet. */
let waiting = 0

function after (turns, callback, args) {
  waiting++
  count(turns, () => {
    waiting--
    callback(...args)
  })
}

function count (turns, then) {
  if (turns === 0) then()
  else setImmediate(count, turns - 1, then)
}

/** @returns {boolean} whether Node is still to be told of something */
function isWaiting () {
  return waiting > 0
}

/**
 * The same for a FileHandle, which has functions of its own.
 * @param {import('node:fs').promises.FileHandle} handle
 */
function slowHandle (handle) {
  for (const name of ['write', 'writev']) {
    const turns = among(TURNS)
    handle[name] = async function (...args) {
      const outcome = Object.getPrototypeOf(handle)[name].apply(handle, args)
      await outcome.catch(() => {})
      await new Promise(resolve => after(among(turns), resolve, []))
      return outcome
    }
  }
}

/** @returns {() => void} makes it fast again */
function slowDisk () {
  const originals = {}
  for (const name of FUNCTIONS) {
    const original = originals[name] = fs[name]
    const turns = among(TURNS)
    fs[name] = function (...args) {
      const callback = args.pop()
      return original(...args, (...results) => after(among(turns), callback, results))
    }
  }
  return () => Object.assign(fs, originals)
}

module.exports = { slowDisk, slowHandle, isWaiting }

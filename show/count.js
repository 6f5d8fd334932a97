'use strict'

// Counts what a stream does, into the shared numbers.

const { PLACES, now } = require('./counters.js')

/** How often the event loop is to show that it turns, in milliseconds. */
const BEAT = 10

/** Counts write()'s bytes and falses, and 'drain'. To be seen here, chunks that are piped come through JavaScript. */
function countWrites (out, counters) {
  const { write } = out
  const look = () => {
    counters[PLACES.buffered] = out.writableLength
    counters[PLACES.peak] = Math.max(counters[PLACES.peak], out.writableLength)
  }
  out.write = function (chunk, ...rest) {
    if (!out.destroyed) counters[PLACES.accepted] += chunk.length
    const goOn = write.call(out, chunk, ...rest)
    if (!goOn) counters[PLACES.falses]++
    look()
    return goOn
  }
  out.on('drain', () => {
    counters[PLACES.drains]++
    look()
  })
  return look
}

/** Shows that the event loop turns: a beat every 10 ms, and by how much the latest one was late. */
function countTurns (counters, onTurn) {
  counters[PLACES.beat] = now()
  counters[PLACES.late] = 0
  setInterval(() => {
    const at = now()
    counters[PLACES.late] = Math.max(counters[PLACES.late], at - counters[PLACES.beat] - BEAT)
    counters[PLACES.beat] = at
    onTurn()
  }, BEAT).unref()
}

/** @returns {number} for how long the event loop has kept events waiting since the last call, at most, in milliseconds */
function takeDelay (counters) {
  const delay = Math.max(counters[PLACES.late], now() - counters[PLACES.beat] - BEAT, 0)
  counters[PLACES.late] = 0
  return delay
}

module.exports = { countWrites, countTurns, takeDelay }

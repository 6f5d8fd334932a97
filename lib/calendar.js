'use strict'

// Where intervals begin and end by the clock on the wall, which Node knows: daylight saving included.

/** Milliseconds in a unit of time. */
const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 }

const DAY = UNITS.d

/** 1970 began on a Thursday: the first Monday, in days since. */
const FIRST_MONDAY = 4

/** Periods that are told ahead, for a program that does not come to its timers. */
const AHEAD = 32

/** What the clock shows at `time`: the day, in days since 1970, and the milliseconds of the day. */
function read (time, utc) {
  const date = new Date(time)
  if (utc) return { day: Math.floor(time / DAY), milliseconds: time - Math.floor(time / DAY) * DAY }
  return {
    day: Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY,
    milliseconds: ((date.getHours() * 60 + date.getMinutes()) * 60 + date.getSeconds()) * 1000 + date.getMilliseconds()
  }
}

/** When the clock shows that. */
function timeOf (day, milliseconds, utc) {
  return utc ? day * DAY + milliseconds : new Date(1970, 0, 1 + day, 0, 0, 0, milliseconds).getTime()
}

/**
 * The interval around `time`.
 * @param {{ count: number, unit: string }} interval
 * @param {boolean} utc
 * @returns {{ start: number, end: number }} in milliseconds since 1970
 */
function intervalAt (time, { count, unit }, utc) {
  const length = count * UNITS[unit]
  const { day, milliseconds } = read(time, utc)
  if (length >= DAY) {
    const days = length / DAY
    const first = unit === 'w' ? FIRST_MONDAY : 0
    const start = day - (((day - first) % days) + days) % days
    return { start: timeOf(start, 0, utc), end: timeOf(start + days, 0, utc) }
  }
  const start = Math.floor(milliseconds / length) * length
  let next = start
  let end
  // What the clock shows twice is one, and what it never shows is none.
  do end = timeOf(day, next = Math.min(next + length, DAY), utc); while (end <= time)
  return { start: timeOf(day, start, utc), end }
}

/**
 * When the intervals begin: that around `time`, and those that follow.
 * @returns {number[]} in milliseconds since 1970
 */
function startsFrom (time, interval, utc) {
  let { start, end } = intervalAt(time, interval, utc)
  const starts = [start]
  while (starts.length < AHEAD) {
    start = end
    starts.push(start)
    end = intervalAt(start, interval, utc).end
  }
  return starts
}

module.exports = { UNITS, intervalAt, startsFrom }

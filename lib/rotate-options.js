'use strict'

// `options.rotate`: what it may be.

const process = require('node:process')
const { UNITS } = require('./calendar.js')
const { boolean, integer } = require('./checks.js')
const errors = require('./errors.js')

/** Bytes in a unit of size. */
const SIZES = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 }

/** Rust is told of no more files. */
const MOST_FILES = 2 ** 32 - 1

/**
 * @param {unknown} rotate as a user gave it
 * @param {(name: string, compress: unknown) => object} toCompression
 * @returns {{ size?: number, interval?: { count: number, unit: string }, keep?: number, keepFor?: number, maxTotal?: number,
 *   compress?: object, name?: string | Function, utc: boolean, lines: boolean }}
 */
function toRotate (rotate, toCompression) {
  if (typeof rotate !== 'object') throw errors.invalidType('options.rotate', 'an Object', rotate)
  if (process.platform === 'win32') throw errors.unavailable('options.rotate')
  if (process.permission !== undefined) throw errors.invalidState('options.rotate can\'t be had with --permission: files are opened by spillway')
  const { size, interval, keep, maxTotal, compress, name, utc = false, lines = false } = rotate
  if (size == null && interval == null) throw errors.invalidOption('rotate', rotate, 'must have a size or an interval')
  boolean('rotate.utc', utc)
  boolean('rotate.lines', lines)
  return {
    size: optional(size, value => toBytes('rotate.size', value, 1)),
    interval: optional(interval, toInterval),
    keep: optional(keep, value => typeof value === 'string' ? undefined : toCount(value)),
    keepFor: optional(keep, value => typeof value === 'string' ? toTime('rotate.keep', value) : undefined),
    maxTotal: optional(maxTotal, value => toBytes('rotate.maxTotal', value, 0)),
    compress: optional(compress, value => toCompression('rotate.compress', value)),
    name: name ?? undefined,
    utc,
    lines
  }
}

function optional (value, convert) {
  return value == null ? undefined : convert(value)
}

/** '10m', or a number of bytes. */
function toBytes (name, value, least) {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([kmgt]?)b?$/i.exec(value) ?? []
  const bytes = typeof value === 'number' ? value : Math.floor(number * SIZES[unit?.toLowerCase()])
  if (typeof value !== 'number' && typeof value !== 'string') throw errors.invalidType(`options.${name}`, 'of type number or string', value)
  if (typeof value === 'string' && Number.isNaN(bytes)) throw errors.invalidOption(name, value, 'must be a size, as \'10m\'')
  if (!Number.isSafeInteger(bytes) || bytes < least) throw errors.outOfRange(`options.${name}`, `an integer >= ${least}`, value)
  return bytes
}

function toCount (value) {
  if (typeof value !== 'number') throw errors.invalidType('options.rotate.keep', 'of type number or string', value)
  return integer('rotate.keep', value, 0, MOST_FILES)
}

/** '14d' */
function parseTime (name, value) {
  if (typeof value !== 'string') throw errors.invalidType(`options.${name}`, 'of type string', value)
  const [, count, unit] = /^([1-9]\d{0,5})([smhdw])$/.exec(value) ?? []
  if (unit === undefined) throw errors.invalidOption(name, value, 'must be a time, as \'14d\': s, m, h, d or w')
  return { count: Number(count), unit }
}

function toTime (name, value) {
  const { count, unit } = parseTime(name, value)
  return count * UNITS[unit]
}

function toInterval (value) {
  const interval = parseTime('rotate.interval', value)
  const length = interval.count * UNITS[interval.unit]
  // Of anything else nobody could say by the clock where it begins.
  if (length > UNITS.d ? length % UNITS.d !== 0 : UNITS.d % length !== 0) throw errors.invalidOption('rotate.interval', value, 'must be a part of a day, or days')
  return interval
}

module.exports = { toRotate }

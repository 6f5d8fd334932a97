'use strict'

// The options that are spillway's own: what they may be, and what they are if they are not given.

const fs = require('node:fs')
const { boolean, integer, number } = require('./checks.js')
const errors = require('./errors.js')
const { toRotate } = require('./rotate-options.js')

const { O_APPEND, O_EXCL, O_TRUNC } = fs.constants

/** The default high-water mark, in bytes: docs/design.md, "Sizes". */
const HIGH_WATER_MARK = 1024 * 1024

/** The least default budget, in bytes. */
const BUDGET = 16 * 1024 * 1024

/** Options that are on or off, and what none of them that are on goes together with. */
const SWITCHES = { kernelCopy: [], durable: ['objectMode'], mkdir: ['fd', 'objectMode'] }

const POLICIES = ['strict', 'block', 'drop-newest']

/** The longest time that Rust is told, in milliseconds: some 49 days. Infinity means that. */
const LONGEST = 2 ** 32 - 1

/** What a time is if it is not given, in milliseconds. */
const EXIT_TIMEOUT = 5000
const BLOCK_TIMEOUT = 10_000
const RETRY = { codes: ['ENOSPC', 'EDQUOT'], interval: 1000, limit: Infinity }

/** What each form of compression takes: https://nodejs.org/api/zlib.html#constants, https://facebook.github.io/zstd/zstd_manual.html */
const COMPRESSIONS = {
  gzip: { least: 0, most: 9, level: 6 },
  zstd: { least: -(2 ** 17), most: 22, level: 3 }
}

/** More threads than that only take memory. */
const THREADS = 64

const DIGESTS = ['md5', 'sha1', 'sha256', 'sha512', 'crc32', 'crc32c', 'blake3']

/** Options that are checked and filled in: those of a user are read once. */
const checked = new WeakSet()

/**
 * The options as Node is to see them, with spillway's checked and filled in: a
 * copy, made as Node makes its own, so that each is read once and none is written.
 * @param {unknown} options as a user gave them
 * @returns {object | undefined | unknown} what is no object is returned as it is: Node is to refuse it
 */
function withDefaults (options) {
  if (typeof options === 'string') options = { encoding: options }
  else if (typeof options === 'function') options = undefined
  if ((options != null && typeof options !== 'object') || checked.has(options)) return options
  const own = {}
  checked.add(own)
  // Node, too, takes options that are inherited.
  for (const name in options) own[name] = options[name]
  // In object mode Node counts objects, and all stays Node's.
  if (!own.objectMode) own.highWaterMark ??= HIGH_WATER_MARK
  // Node is to refuse it.
  if (!isMark(own.highWaterMark)) return own
  checkLowWaterMark(own)
  checkFs(own.fs)
  own.exitTimeout = time('exitTimeout', own.exitTimeout, EXIT_TIMEOUT)
  own.blockTimeout = time('blockTimeout', own.blockTimeout, BLOCK_TIMEOUT)
  own.retry = own.retry == null ? undefined : toRetry(own.retry)
  checkPolicy(own.backpressure)
  own.budget = toBudget(own)
  for (const name in SWITCHES) checkSwitch(own, name)
  own.rotate = own.rotate == null || own.rotate === false ? undefined : toRotation(own)
  if (own.compress != null) own.compress = toCompress(own)
  if (own.digest != null) own.digest = toDigest(own)
  own.atomic = own.atomic == null || own.atomic === false ? undefined : toAtomic(own)
  own.digestOfFile = isDigestOfFile(own)
  return own
}

function checkSwitch (own, name) {
  if (own[name] != null) boolean(name, own[name])
  if (own[name]) for (const other of SWITCHES[name]) refusePair(own, name, other)
}

function refusePair (own, name, other) {
  if (own[other] != null && own[other] !== false) throw errors.incompatible(name, other)
}

/** @returns {{ isZstd: boolean, level: number, threads: number }} */
function toCompress (own) {
  const compression = toCompression('compress', own.compress)
  for (const other of ['start', 'durable', 'objectMode']) refusePair(own, 'compress', other)
  if (!isCutOrAppended(own.flags)) throw errors.incompatible('compress', 'flags')
  return compression
}

function toCompression (name, compress) {
  const { algorithm, level, threads = 1 } = typeof compress === 'object' ? compress : { algorithm: compress }
  if (!Object.hasOwn(COMPRESSIONS, algorithm)) throw errors.invalidOption(name, compress, 'must be one of: \'gzip\', \'zstd\', or an object with such an algorithm')
  const limits = COMPRESSIONS[algorithm]
  return {
    isZstd: algorithm === 'zstd',
    level: integer(`${name}.level`, level ?? limits.level, limits.least, limits.most),
    threads: integer(`${name}.threads`, threads, 1, THREADS)
  }
}

/** Has a stream that rotates append, unless it is told to. */
function toRotation (own) {
  const rotate = toRotate(own.rotate, toCompression)
  for (const other of ['fd', 'start', 'fs', 'atomic', 'compress', 'digestOf', 'digest', 'objectMode']) refusePair(own, 'rotate', other)
  own.flags ??= 'a'
  if (!isAppended(own.flags)) throw errors.incompatible('rotate', 'flags')
  return rotate
}

function isAppended (flags) {
  return typeof flags === 'number' ? (flags & O_APPEND) !== 0 : typeof flags !== 'string' || flags.startsWith('a')
}

/** Whether nothing of an old file can stay behind what is written. */
function isCutOrAppended (flags) {
  if (typeof flags === 'number') return (flags & (O_APPEND | O_EXCL | O_TRUNC)) !== 0
  return typeof flags !== 'string' || !flags.startsWith('r')
}

/** @returns {{ durable: boolean }} */
function toAtomic (own) {
  const { atomic, flags } = own
  if (atomic !== true && typeof atomic !== 'object') throw errors.invalidType('options.atomic', 'of type boolean or an Object', atomic)
  const { durable = true } = atomic
  boolean('atomic.durable', durable)
  for (const other of ['fd', 'start', 'fs', 'objectMode']) refusePair(own, 'atomic', other)
  if (flags != null && flags !== 'w' && flags !== 'wx') throw errors.incompatible('atomic', 'flags')
  return { durable }
}

function toDigest (own) {
  refusePair(own, 'digest', 'objectMode')
  const names = Array.isArray(own.digest) ? own.digest : [own.digest]
  if (names.length === 0) throw errors.invalidOption('digest', own.digest, 'must name a digest')
  for (const name of names) {
    if (!DIGESTS.includes(name)) throw errors.invalidOption('digest', name, `must be of: ${DIGESTS.map(name => `'${name}'`).join(', ')}`)
  }
  return names
}

function isDigestOfFile ({ digest, digestOf }) {
  if (digestOf != null && digestOf !== 'file' && digestOf !== 'stream') throw errors.invalidOption('digestOf', digestOf, 'must be one of: \'stream\', \'file\'')
  if (digestOf != null && digest == null) throw errors.invalidOption('digestOf', digestOf, 'needs options.digest')
  return digestOf === 'file'
}

function isMark (highWaterMark) {
  return highWaterMark == null || (Number.isInteger(highWaterMark) && highWaterMark >= 0)
}

function checkLowWaterMark ({ lowWaterMark, highWaterMark }) {
  if (lowWaterMark == null) return
  if (!Number.isInteger(lowWaterMark) || lowWaterMark < 0 || lowWaterMark > highWaterMark) {
    throw errors.invalidOption('lowWaterMark', lowWaterMark)
  }
}

function checkFs (custom) {
  if (custom == null) return
  for (const name of ['write', 'writev']) {
    if (typeof custom[name] === 'function' && custom[name] !== fs[name]) {
      throw errors.invalidOption(`fs.${name}`, custom[name],
        'can\'t be honoured by spillway, which writes without it: use fs.createWriteStream')
    }
  }
}

function checkPolicy (backpressure) {
  if (backpressure != null && !POLICIES.includes(backpressure)) {
    throw errors.invalidOption('backpressure', backpressure, `must be one of: ${POLICIES.map(name => `'${name}'`).join(', ')}`)
  }
}

function toBudget ({ budget, highWaterMark = HIGH_WATER_MARK }) {
  if (budget == null) return Math.max(BUDGET, 2 * highWaterMark)
  number('budget', budget)
  if (!(budget >= highWaterMark)) throw errors.outOfRange('options.budget', `>= options.highWaterMark (${highWaterMark})`, budget)
  return budget
}

function toRetry (retry) {
  if (typeof retry !== 'object') throw errors.invalidType('options.retry', 'an Object', retry)
  const { codes = RETRY.codes, interval, limit } = retry
  if (!Array.isArray(codes)) throw errors.invalidType('options.retry.codes', 'an instance of Array', codes)
  return {
    errnos: codes.map(toErrno),
    interval: time('retry.interval', interval, RETRY.interval),
    limit: time('retry.limit', limit, RETRY.limit)
  }
}

function toErrno (code) {
  const errno = typeof code === 'string' ? errors.errnoOf(code) : undefined
  if (errno === undefined) {
    throw errors.invalidOption('retry.codes', code, 'must hold error codes of the system, as \'ENOSPC\'')
  }
  return errno
}

/** A time in milliseconds, as Rust takes it. */
function time (name, value, otherwise) {
  value ??= otherwise
  number(name, value)
  if (!(value >= 0)) throw errors.outOfRange(`options.${name}`, '>= 0', value)
  return Math.min(Math.ceil(value), LONGEST)
}

module.exports = { withDefaults }

'use strict'

// What spillway does to the bytes of some programs: compress, digest, durable,
// atomic, mkdir. Node's stream has nothing of it, so it gets what makes a
// program see the same: an end that takes a while, and a folder. The files are
// compared as they are read.

const fs = require('node:fs')
const path = require('node:path')
const { createHash } = require('node:crypto')
const zlib = require('node:zlib')
const { readsFrames } = require('../../__tests__/helpers/decode.js')

/** How what may be cut off is read. */
const READERS = {
  gzip: bytes => zlib.gunzipSync(bytes, { finishFlush: zlib.constants.Z_SYNC_FLUSH }),
  zstd: bytes => zlib.zstdDecompressSync(bytes, { finishFlush: zlib.constants.ZSTD_e_flush })
}

/** There is one more frame of zstd behind each sync. */
const canRead = { gzip: true, zstd: zlib.zstdDecompressSync !== undefined && readsFrames }

const isGiven = value => value !== 'none' && value !== 'default'

/**
 * The stages that a program has: what goes together of those that were drawn.
 * @returns {object} options of spillway
 */
function stagesOf ({ stages, options, target, heir }) {
  if (stages === 'none' || stages === undefined) return {}
  const { start, flags, fs, mode } = options
  const isFile = target.kind === 'file'
  // Who opens or closes the file, or writes it, alone is left alone.
  const isOurs = heir === 'none' || heir.overrides === undefined
  const isSound = mode !== 'nonsense' && flags !== null && flags !== 'nonsense'
  const isTruncated = ['default', 'w', 'wx'].includes(flags)
  const has = {
    // What else is wrong with an open is told when the folder is made.
    mkdir: stages.mkdir && isFile && isOurs && !isGiven(fs) && isSound,
    atomic: stages.atomic && isFile && isTruncated && !isGiven(start) && !isGiven(fs) && isOurs,
    // What comes when a device is full, or is not to be written, comes later.
    compress: canRead[stages.compress] && isFile && !isGiven(start) && (isTruncated || flags === 'a') && isOurs,
    // What is no descriptor is found out by who writes the digest's end.
    digest: stages.digest && isOurs && target.kind !== 'no fd',
    durable: stages.durable && isFile && isOurs
  }
  return {
    ...(has.mkdir ? { mkdir: true } : {}),
    ...(has.atomic ? { atomic: { durable: false } } : {}),
    ...(has.compress ? { compress: { algorithm: stages.compress, level: 1 } } : {}),
    ...(has.digest ? { digest: 'sha256' } : {}),
    ...(has.durable && !has.compress ? { durable: true } : {})
  }
}

/** Whether the file is another than that of Node's stream until 'finish'. */
const isVeiled = stages => stages.compress !== undefined || stages.atomic !== undefined

/** Whether there is something to be done between the last write and 'finish'. */
const hasEnd = ({ compress, digest, atomic }) => [compress, digest, atomic].some(value => value !== undefined)

/** Has Node's stream end as one with stages does. */
function addEnd (stream) {
  const { _final } = stream
  const finish = callback => fs.stat('/', () => callback())
  const value = typeof _final !== 'function'
    ? finish
    : callback => _final.call(stream, error => error ? callback(error) : finish(callback))
  Object.defineProperty(stream, '_final', { configurable: true, writable: true, value })
}

/**
 * Makes Node's stream one that a program can't tell from one with stages, and takes account of ours.
 * @param {import('./play.js').Player} player
 */
function prepare (player, options) {
  const { stages } = player
  if (stages.mkdir) {
    player.path = player.folder.of('made/here/file')
    if (player.api === fs || player.program.target.exists) fs.mkdirSync(path.dirname(player.path), { recursive: true })
  }
  if (player.api !== fs) Object.assign(options, stages)
}

/** The files as they are read. @param {Map<string, Buffer>} files by name and mode */
function decode (files, { stages, base, isFinished }) {
  if (stages.compress === undefined) return files
  const read = READERS[stages.compress.algorithm]
  return new Map([...files].map(([name, bytes]) => {
    const [before, compressed] = bytes.subarray(0, base.length).equals(base) ? [base, bytes.subarray(base.length)] : [Buffer.alloc(0), bytes]
    try {
      return [name, compressed.length === 0 ? before : Buffer.concat([before, read(compressed)])]
    } catch (error) {
      return [name, isFinished ? Buffer.from(`can't be read: ${error.message}`) : before]
    }
  }))
}

/** @returns {string} what is wrong with the digest of a stream that has finished */
function checkDigest (stream, accepted) {
  if (accepted === null) return ''
  const expected = createHash('sha256').update(accepted).digest('hex')
  const digest = stream.digest('sha256').toString('hex')
  return digest === expected ? '' : `, the digest is not that of ${accepted.length} bytes`
}

module.exports = { addEnd, checkDigest, decode, hasEnd, isVeiled, prepare, stagesOf }

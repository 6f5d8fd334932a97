'use strict'

// The bytes behind compressed ones, by other programs than ours.

const { execFileSync, spawnSync } = require('node:child_process')
const zlib = require('node:zlib')

/** Commands that read each format. */
const COMMANDS = { gzip: ['gzip', '-dc'], zstd: ['zstd', '-dcq'] }

/** Node's own functions, where it has them: zstd from 22.15 on. */
const FUNCTIONS = { gzip: zlib.gunzipSync, zstd: zlib.zstdDecompressSync }

/** Whether Node reads a file of zstd to its end: before Node 26 it stops behind the first frame. */
const readsFrames = zlib.zstdCompressSync === undefined || readsAllOf(['one', 'two'])

function readsAllOf (texts) {
  return String(zlib.zstdDecompressSync(Buffer.concat(texts.map(text => zlib.zstdCompressSync(text))))) === texts.join('')
}

const MOST = 1 << 28

function hasCommand (format) {
  return spawnSync(COMMANDS[format][0], ['--version']).status === 0
}

/** @returns {Map<string, (bytes: Buffer) => Buffer>} who can read the format here, and how */
function decoders (format) {
  const [command, ...args] = COMMANDS[format]
  const all = new Map()
  if (hasCommand(format)) all.set(command, input => execFileSync(command, args, { input, maxBuffer: MOST, stdio: 'pipe' }))
  if (FUNCTIONS[format] !== undefined) all.set(`Node's ${FUNCTIONS[format].name}`, bytes => FUNCTIONS[format](bytes))
  return all
}

/** The bytes, which every decoder must agree on. @returns {Buffer} */
function decode (format, bytes) {
  const all = [...decoders(format)].map(([name, read]) => [name, read(bytes)])
  if (all.length === 0) throw new Error(`nothing here reads ${format}`)
  const [[first, content], ...others] = all
  for (const [name, other] of others) {
    const expected = format === 'zstd' && !readsFrames ? content.subarray(0, other.length) : content
    if (!other.equals(expected)) throw new Error(`${first} and ${name} differ`)
  }
  return content
}

/** What can be read of a file that is cut off, as `zcat` does. @returns {Buffer} */
function decodePrefix (format, bytes) {
  const [command, ...args] = COMMANDS[format]
  return spawnSync(command, args, { input: bytes, maxBuffer: MOST }).stdout
}

/** `test`, or one that is skipped where nothing reads the format. */
function testOf (format) {
  return decoders(format).size > 0 ? test : test.skip
}

module.exports = { decode, decoders, decodePrefix, readsFrames, testOf }

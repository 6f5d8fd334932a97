'use strict'

// `digest` and out.digest(): what the bytes come to, as Node's crypto and zlib have it.

const { createHash, getHashes } = require('node:crypto')
const { once } = require('node:events')
const fs = require('node:fs')
const { Readable } = require('node:stream')
const { finished, pipeline } = require('node:stream/promises')
const zlib = require('node:zlib')
const { createWriteStream } = require('../..')
const { decode } = require('../helpers/decode.js')
const { folderForEach } = require('../helpers/folder.js')
const numbered = require('../helpers/numbered.js')

const at = folderForEach()
const list = numbered.chunks()
const text = numbered.joined(list)

const HASHES = ['md5', 'sha1', 'sha256', 'sha512'].filter(name => getHashes().includes(name))
const NAMES = ['md5', 'sha1', 'sha256', 'sha512', 'crc32', 'crc32c', 'blake3']

/** CRC-32 with any reversed polynomial, as its definition has it: most significant byte first. */
function crc (bytes, polynomial) {
  let value = ~0
  for (const byte of bytes) {
    value ^= byte
    for (let bit = 0; bit < 8; bit++) value = value >>> 1 ^ (value & 1 ? polynomial : 0)
  }
  const digest = Buffer.alloc(4)
  digest.writeUInt32BE(~value >>> 0)
  return digest
}

/** What others say that the digest is. BLAKE3 no one here has: see below. */
const OTHERS = {
  ...Object.fromEntries(HASHES.map(name => [name, bytes => createHash(name).update(bytes).digest()])),
  crc32: bytes => crc(bytes, 0xedb88320),
  crc32c: bytes => crc(bytes, 0x82f63b78)
}

function expectDigests (out, bytes) {
  for (const [name, other] of Object.entries(OTHERS)) expect([name, out.digest(name).toString('hex')]).toEqual([name, other(bytes).toString('hex')])
}

async function digestsOf (chunks, options) {
  const out = createWriteStream(at('file'), { digest: NAMES, ...options })
  for (const chunk of chunks) if (!out.write(chunk)) await once(out, 'drain')
  out.end()
  await finished(out)
  return out
}

test.each([
  ['no bytes', []],
  ['one byte', ['a']],
  ['strings and bytes', list],
  ['one big chunk', [text]],
  ['many small ones', Array.from({ length: 50_000 }, (_, at) => `${at}\n`)]
])('of %s: equal to Node\'s', async (name, chunks) => {
  const bytes = numbered.joined(chunks)
  const out = await digestsOf(chunks)
  expectDigests(out, bytes)
  expect(fs.readFileSync(at('file')).equals(bytes)).toBe(true)
  expect(NAMES.every(name => Buffer.isBuffer(out.digest(name)))).toBe(true)
})

test('crc32 is zlib.crc32', async () => {
  const out = await digestsOf(list)
  // From Node 20.15 on.
  expect(out.digest('crc32').readUInt32BE()).toBe(zlib.crc32?.(text) ?? crc(text, 0xedb88320).readUInt32BE())
})

test.each([
  // https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4
  ['crc32c', Buffer.alloc(32), '8a9136aa'],
  ['crc32c', Buffer.alloc(32, 0xff), '62a8ab43'],
  // https://github.com/BLAKE3-team/BLAKE3/blob/master/test_vectors/test_vectors.json: bytes that count to 250, again and again
  ['blake3', Buffer.alloc(0), 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'],
  ['blake3', Buffer.from('abc'), '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85'],
  ['blake3', Buffer.from([0]), '2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213']
])('%s of %p is what its authors say', async (name, bytes, hex) => {
  const out = createWriteStream(at('file'), { digest: name })
  out.end(bytes)
  await finished(out)
  expect(out.digest().toString('hex')).toBe(hex)
})

test('one name, or the first of a list, need not be said', async () => {
  for (const digest of ['sha256', ['sha256', 'md5']]) {
    const out = createWriteStream(at('file'), { digest }).end('text')
    await finished(out)
    expect(out.digest()).toEqual(createHash('sha256').update('text').digest())
    expect(out.digest('sha256')).toEqual(out.digest())
  }
})

test('it is known from \'finish\' on, and not before', async () => {
  const out = createWriteStream(at('file'), { digest: 'md5' })
  const tooEarly = expect.objectContaining({ name: 'Error', code: 'ERR_INVALID_STATE' })
  expect(() => out.digest()).toThrow(tooEarly)
  await new Promise(resolve => out.write('te', resolve))
  expect(() => out.digest()).toThrow(tooEarly)
  const seen = []
  out.on('prefinish', () => seen.push(out.writableFinished))
  out.on('finish', () => seen.push(out.digest().toString('hex')))
  out.end('xt', () => seen.push(out.digest().length))
  expect(() => out.digest()).toThrow(tooEarly)
  await once(out, 'close')
  expect(seen).toEqual([false, 16, createHash('md5').update('text').digest('hex')])
  // As often as one likes, and each a copy.
  out.digest().fill(0)
  expect(out.digest()).toEqual(createHash('md5').update('text').digest())
})

test('a stream that fails or is destroyed has none', async () => {
  const failed = createWriteStream('/dev/full', { digest: 'md5' }).end('text')
  await expect(finished(failed)).rejects.toMatchObject({ code: 'ENOSPC' })
  expect(() => failed.digest()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }))
  const destroyed = createWriteStream(at('file'), { digest: 'md5' })
  await new Promise(resolve => destroyed.write('text', resolve))
  destroyed.destroy()
  await once(destroyed, 'close')
  expect(() => destroyed.digest()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }))
})

test('another name, or a stream without digests: refused', async () => {
  const refused = expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' })
  const [one, none] = [createWriteStream(at('one'), { digest: 'md5' }).end(), createWriteStream(at('none')).end()]
  await Promise.all([finished(one), finished(none)])
  for (const name of ['sha1', 'MD5', '', null, 0]) expect(() => one.digest(name)).toThrow(refused)
  expect(() => none.digest()).toThrow(refused)
})

test('what is piped and what writeFrom() copies is digested in its place', async () => {
  fs.writeFileSync(at('source'), text)
  const out = createWriteStream(at('file'), { digest: NAMES })
  out.write('head ')
  await out.writeFrom(at('source'), { start: 10, end: 1_000_000 })
  out.write(' middle ')
  await pipeline(fs.createReadStream(at('source')), out, { end: false })
  await pipeline(Readable.from(['a ', 'generator ']), out, { end: false })
  out.end('tail')
  await finished(out)
  expectDigests(out, Buffer.concat([Buffer.from('head '), text.subarray(10, 1_000_001), Buffer.from(' middle '), text, Buffer.from('a generator tail')]))
  expectDigests(out, fs.readFileSync(at('file')))
})

test('a big file that is piped alone: no chunk of it comes to JavaScript', async () => {
  const bytes = Buffer.concat(Array.from({ length: 30 }, () => text))
  fs.writeFileSync(at('source'), bytes)
  const out = createWriteStream(at('file'), { digest: NAMES })
  await pipeline(fs.createReadStream(at('source')), out)
  // Of 64 KiB they would be some hundreds.
  expect(out.stats().acceptedChunks).toBeLessThan(40)
  for (const name of HASHES) expect(out.digest(name)).toEqual(OTHERS[name](bytes))
  expect(fs.readFileSync(at('file')).equals(bytes)).toBe(true)
})

test('appending and `start`: it is of what this stream has written', async () => {
  fs.writeFileSync(at('file'), 'old ')
  for (const options of [{ flags: 'a' }, { flags: 'r+', start: 2 }]) {
    const out = await digestsOf(['new'], options)
    expectDigests(out, Buffer.from('new'))
  }
  expect(fs.readFileSync(at('file'), 'latin1')).toBe('olnewew')
})

test('into a pipe that takes a little at a time', async () => {
  const { execFileSync, spawn } = require('node:child_process')
  execFileSync('mkfifo', [at('fifo')])
  const reader = spawn('sh', ['-c', `sleep 0.1; cat ${at('fifo')} > ${at('copy')}`])
  const out = createWriteStream(at('fifo'), { digest: NAMES })
  for (const chunk of list) out.write(chunk)
  out.end()
  await Promise.all([finished(out), once(reader, 'close')])
  expectDigests(out, text)
  expect(fs.readFileSync(at('copy')).equals(text)).toBe(true)
})

describe.each(['gzip', 'zstd', { algorithm: 'gzip', threads: 2 }])('with compress: %j', compress => {
  test('it is of the bytes that were given', async () => {
    for (const digestOf of [undefined, 'stream']) expectDigests(await digestsOf(list, { compress, digestOf }), text)
    expect(decode(compress.algorithm ?? compress, fs.readFileSync(at('file'))).equals(text)).toBe(true)
  })

  test('digestOf: \'file\': of those that are in the file', async () => {
    const out = createWriteStream(at('file'), { compress, digest: NAMES, digestOf: 'file' })
    for (const chunk of list) if (!out.write(chunk)) await once(out, 'drain')
    out.flushSync()
    out.end('the end')
    await finished(out)
    expectDigests(out, fs.readFileSync(at('file')))
  })
})

test.each([
  [{ digest: 'sha3' }, 'ERR_INVALID_ARG_VALUE', 'digest'],
  [{ digest: 'SHA256' }, 'ERR_INVALID_ARG_VALUE', 'digest'],
  [{ digest: true }, 'ERR_INVALID_ARG_VALUE', 'digest'],
  [{ digest: [] }, 'ERR_INVALID_ARG_VALUE', 'digest'],
  [{ digest: ['md5', 'toString'] }, 'ERR_INVALID_ARG_VALUE', 'digest'],
  [{ digest: 'md5', digestOf: 'disk' }, 'ERR_INVALID_ARG_VALUE', 'digestOf'],
  [{ digestOf: 'file' }, 'ERR_INVALID_ARG_VALUE', 'digestOf']
])('%j is refused: %s', (options, code, name) => {
  expect(() => createWriteStream(at('file'), options)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(`options.${name}`) }))
})

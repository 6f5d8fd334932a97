// Right uses compile; each wrong one is refused.

import mutableFs, * as fs from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { Writable } from 'node:stream'
import { createWriteStream, WriteStream, type AtomicOptions, type Chunk, type CompressOptions, type DigestAlgorithm, type Stats, type WriteCallback, type WriteFromOptions, type WriteStreamOptions } from 'spillway'

/** Only what is the same in every respect, `any` included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? [] : [never]

/** Compiles only if the value is of exactly this type. */
function isExactly<Expected> () {
  return <Actual>(_value: Actual, ..._proof: Same<Actual, Expected>) => {}
}

export function paths (): void {
  isExactly<WriteStream>()(createWriteStream('a.txt'))
  createWriteStream(Buffer.from('a.txt'))
  createWriteStream(new URL('file:///a.txt'))

  // @ts-expect-error A path is needed.
  createWriteStream()
  // @ts-expect-error A descriptor is no path.
  createWriteStream(1)
}

export async function options (): Promise<void> {
  createWriteStream('a.txt', undefined)
  createWriteStream('a.txt', 'utf8')
  createWriteStream('a.txt', {})
  const handle: FileHandle = await open('a.txt', 'w')
  createWriteStream('', { fd: handle })
  createWriteStream('', { fd: 1 })
  const controller = new AbortController()
  createWriteStream('a.txt', {
    flags: 'wx',
    encoding: 'latin1',
    mode: 0o600,
    autoClose: false,
    emitClose: false,
    start: 10,
    signal: controller.signal,
    highWaterMark: 64 * 1024,
    lowWaterMark: 16 * 1024,
    flush: true,
    exitTimeout: 1000,
    retry: { codes: ['ENOSPC'], interval: 100, limit: Infinity },
    budget: 1024 * 1024,
    backpressure: 'drop-newest',
    blockTimeout: 100,
    kernelCopy: false,
    compress: 'zstd',
    digest: 'sha256',
    digestOf: 'file',
    durable: true,
    atomic: true,
    mkdir: true,
    rotate: { size: '10m', interval: '1d', keep: '14d', maxTotal: 1e9, compress: 'gzip', name: 'a-%i', utc: true }
  })
  const names = ['md5', 'sha1', 'sha256', 'sha512', 'crc32', 'crc32c', 'blake3'] as const
  createWriteStream('a.txt', { compress: { algorithm: 'gzip', level: 9, threads: 2 }, digest: names, atomic: { durable: false } })
  createWriteStream('a.txt', { compress: { algorithm: 'zstd' }, atomic: {} })
  createWriteStream('a.txt', { flags: fs.constants.O_WRONLY | fs.constants.O_APPEND })
  const nothing: WriteStreamOptions = {
    flags: undefined,
    encoding: undefined,
    fd: undefined,
    mode: undefined,
    autoClose: undefined,
    emitClose: undefined,
    start: undefined,
    signal: null,
    highWaterMark: undefined,
    lowWaterMark: undefined,
    flush: undefined,
    exitTimeout: undefined,
    retry: null,
    budget: null,
    backpressure: null,
    blockTimeout: undefined,
    kernelCopy: undefined,
    compress: null,
    digest: null,
    digestOf: null,
    durable: null,
    atomic: null,
    mkdir: null,
    rotate: null,
    fs: null
  }
  createWriteStream('a.txt', nothing)

  createWriteStream('a.txt', { rotate: { size: 5, keep: 3, compress: { algorithm: 'zstd', level: 1 }, name: (time, index) => `${time.getTime() + index}` } })
  createWriteStream('a.txt', { rotate: false })
  // @ts-expect-error
  createWriteStream('a.txt', { rotate: true })
  // @ts-expect-error
  createWriteStream('a.txt', { rotate: { interval: 5 } })
  // @ts-expect-error Node has no such encoding.
  createWriteStream('a.txt', 'utf9')
  // @ts-expect-error Nor has it as an option.
  createWriteStream('a.txt', { encoding: 'utf9' })
  // @ts-expect-error Bytes are a number.
  createWriteStream('a.txt', { highWaterMark: '64k' })
  // @ts-expect-error These, too.
  createWriteStream('a.txt', { lowWaterMark: '16k' })
  // @ts-expect-error Left out, or a number.
  createWriteStream('a.txt', { lowWaterMark: null })
  // @ts-expect-error A descriptor is a number or a FileHandle.
  createWriteStream('', { fd: '1' })
  // @ts-expect-error
  createWriteStream('a.txt', { start: '10' })
  // @ts-expect-error
  createWriteStream('a.txt', { flush: 1 })
  // @ts-expect-error
  createWriteStream('a.txt', { autoClose: 'no' })
  // @ts-expect-error
  createWriteStream('a.txt', { emitClose: 'no' })
  // @ts-expect-error
  createWriteStream('a.txt', { mode: true })
  // @ts-expect-error
  createWriteStream('a.txt', { flags: true })
  // @ts-expect-error The signal, not its controller.
  createWriteStream('a.txt', { signal: controller })
  // @ts-expect-error No such policy.
  createWriteStream('a.txt', { backpressure: 'drop-oldest' })
  // @ts-expect-error Codes are a list.
  createWriteStream('a.txt', { retry: { codes: 'ENOSPC' } })
  // @ts-expect-error
  createWriteStream('a.txt', { exitTimeout: '1s' })
  // @ts-expect-error Not an option.
  createWriteStream('a.txt', { highWatermark: 1024 })
}

export function fileSystems (): void {
  const myOpen = (path: fs.PathLike, flags: string, mode: number, callback: () => void) => callback()
  createWriteStream('a.txt', { fs })
  createWriteStream('a.txt', { fs: { ...fs, open: myOpen } })
  createWriteStream('a.txt', { fs: { open: myOpen, close: fs.close, write: fs.write } })

  // @ts-expect-error Node's types want a write to be there.
  createWriteStream('a.txt', { fs: { open: myOpen, close: fs.close } })
  // @ts-expect-error Not a function.
  createWriteStream('a.txt', { fs: { ...fs, close: true } })
}

export function construction (): void {
  isExactly<WriteStream>()(new WriteStream('a.txt', { lowWaterMark: 1 }))
  isExactly<WriteStream>()(WriteStream('a.txt', 'utf8'))
  isExactly<WriteStream>()(WriteStream.prototype)

  // @ts-expect-error A path is needed.
  const stream = new WriteStream()
  // @ts-expect-error As with createWriteStream.
  WriteStream('a.txt', { lowWaterMark: '1' })
  // @ts-expect-error Not to be replaced.
  WriteStream.prototype = stream
}

class Counted extends WriteStream {
  count = 0

  override write (chunk: Chunk, encoding?: BufferEncoding | WriteCallback, callback?: WriteCallback): boolean {
    this.count++
    return typeof encoding === 'function' ? super.write(chunk, encoding) : super.write(chunk, encoding, callback)
  }
}

export function inheritance (unknown: unknown): void {
  const counted = new Counted('a.txt', { flags: 'a' })
  isExactly<number>()(counted.count)
  isExactly<string | Buffer>()(counted.path)
  if (unknown instanceof WriteStream) isExactly<WriteStream>()(unknown)

  // @ts-expect-error Its constructor is the same.
  const broken = new Counted(1)
  broken.end()
}

/** What a program has that used Node's. */
export function dropIn (): void {
  const create: (path: string, options: { flags: string, highWaterMark: number }) => fs.WriteStream = createWriteStream
  const stream: fs.WriteStream = create('a.txt', { flags: 'a', highWaterMark: 1024 })
  const writable: Writable = createWriteStream('a.txt')
  const old: NodeJS.WritableStream = createWriteStream('a.txt')
  stream.pipe(writable).pipe(old)
  fs.createReadStream('b.txt').pipe(createWriteStream('a.txt')).on('finish', () => {})
  const web: WritableStream = Writable.toWeb(createWriteStream('a.txt'))
  web.close().catch(() => {})

  const same: typeof fs.createWriteStream = createWriteStream
  mutableFs.createWriteStream = same
  const nodes = (options: Parameters<typeof fs.createWriteStream>[1]) => createWriteStream('a.txt', options)
  nodes({ flags: 'a', fs })

  // @ts-expect-error It writes, it doesn't read.
  const read: fs.ReadStream = createWriteStream('a.txt')
  read.close()
}

export function members (stream: WriteStream): void {
  isExactly<boolean>()(stream.write('text'))
  isExactly<boolean>()(stream.write('text', 'latin1'))
  stream.write('text', undefined, error => isExactly<Error | null | undefined>()(error))
  stream.write(Buffer.from('bytes'), error => isExactly<Error | null | undefined>()(error))
  stream.write(new Uint8Array(1))
  stream.write(new DataView(new ArrayBuffer(1)))
  isExactly<WriteStream>()(stream.end())
  stream.end('text', 'latin1', () => {}).end(new Uint8Array(1)).end(() => {})
  isExactly<WriteStream>()(stream.destroy(new Error('enough')))
  stream.close()
  stream.close(error => error?.code)
  isExactly<number>()(stream.bytesWritten)
  isExactly<string | Buffer>()(stream.path)
  isExactly<boolean>()(stream.pending)
  isExactly<void>()(stream.flushSync())
  isExactly<Stats>()(stream.stats())
  isExactly<number>()(stream.stats().droppedBytes)
  isExactly<number>()(stream.stats().bufferedBytes)
  isExactly<number>()(stream.stats().peakBufferedBytes)
  isExactly<number>()(stream.stats().backpressureCount)
  isExactly<number>()(stream.stats().backpressureTime)
  // @ts-expect-error Its name is bufferedBytes.
  isExactly<number>()(stream.stats().level)
  isExactly<string | null>()(stream.stats().lastError)
  stream.on('rotate', ({ path, bytes }) => path + bytes.toFixed()).on('reopen', () => {}).on('warning', error => error.code)
  isExactly<void>()(stream.reopen())
  isExactly<void>()(stream.reopen(new URL('file:///a')))
  // @ts-expect-error
  stream.reopen(5)
  stream.on('stall', (error: NodeJS.ErrnoException) => error.code).on('unstall', () => {}).on('drop', (size: number) => size)
  isExactly<number>()(stream.writableHighWaterMark)
  stream.on('open', fd => isExactly<number>()(fd))
    .once('ready', () => {})
    .on('drain', () => {})
    .on('error', error => isExactly<Error>()(error))
  stream.cork()
  stream.uncork()

  // @ts-expect-error Neither text nor bytes.
  stream.write(1)
  // @ts-expect-error null ends a readable, and can't be written.
  stream.write(null)
  // @ts-expect-error An ArrayBuffer needs a view.
  stream.write(new ArrayBuffer(1))
  // @ts-expect-error Node has no such encoding.
  stream.write('text', 'utf9')
  // @ts-expect-error Neither text nor bytes.
  stream.end({})
  // @ts-expect-error An Error.
  stream.destroy('enough')
  // @ts-expect-error It is counted, not set.
  stream.bytesWritten = 0
  // @ts-expect-error The same.
  stream.pending = false
  // @ts-expect-error It is set by an option.
  stream.writableHighWaterMark = 1
}

export async function stages (stream: WriteStream): Promise<void> {
  isExactly<Buffer>()(stream.digest())
  isExactly<Buffer>()(stream.digest('blake3'))
  isExactly<Promise<void>>()(stream.sync())
  isExactly<Promise<void>>()(stream.datasync())
  isExactly<void>()(stream.sync(error => error?.message))
  isExactly<void>()(stream.datasync(() => {}))
  isExactly<number>()(stream.stats().fileBytes)
  isExactly<number>()(stream.stats().compressionRatio)
  const compress: CompressOptions = { algorithm: 'zstd', level: undefined, threads: undefined }
  const atomic: AtomicOptions = { durable: undefined }
  const digest: DigestAlgorithm[] = ['md5']
  createWriteStream('a.txt', { compress, atomic, digest })

  // @ts-expect-error There is no such algorithm.
  stream.digest('sha3')
  // @ts-expect-error Nor this one.
  createWriteStream('a.txt', { compress: 'brotli' })
  // @ts-expect-error It needs an algorithm.
  createWriteStream('a.txt', { compress: { level: 1 } })
  // @ts-expect-error Not on or off.
  createWriteStream('a.txt', { compress: true })
  // @ts-expect-error There is no such algorithm.
  createWriteStream('a.txt', { digest: ['sha3'] })
  // @ts-expect-error Of the stream or of the file.
  createWriteStream('a.txt', { digest: 'md5', digestOf: 'disk' })
  // @ts-expect-error On or off.
  createWriteStream('a.txt', { durable: 'yes' })
  // @ts-expect-error On or off.
  createWriteStream('a.txt', { atomic: { durable: 1 } })
  // @ts-expect-error On or off.
  createWriteStream('a.txt', { mkdir: 0o777 })
  // @ts-expect-error It calls back, or gives a promise.
  stream.sync({})
}

export async function sources (stream: WriteStream, handle: FileHandle): Promise<void> {
  isExactly<number>()(await stream.writeFrom('a.txt'))
  await stream.writeFrom(new URL('file:///a.txt'), { start: 1, end: 2, signal: new AbortController().signal })
  for (const source of [Buffer.from('a.txt'), 3, handle, fs.createReadStream('a.txt')]) await stream.writeFrom(source, {})
  const nothing: WriteFromOptions = { start: undefined, end: undefined, signal: undefined }
  await stream.writeFrom('a.txt', nothing)

  // @ts-expect-error Something is to be read.
  await stream.writeFrom()
  // @ts-expect-error A Writable has nothing to read.
  await stream.writeFrom(stream)
  // @ts-expect-error An offset is a number.
  await stream.writeFrom('a.txt', { start: '1' })
}

export function events (stream: WriteStream): void {
  stream.on('stall', error => isExactly<NodeJS.ErrnoException>()(error)).once('unstall', () => {})
  stream.prependListener('drop', size => isExactly<number>()(size)).on('open', fd => isExactly<number>()(fd))
  stream.on('error', (error: NodeJS.ErrnoException) => error.code)
  stream.on('pipe', source => source.pause()).off('drain', () => {}).addListener('mine', (value: string) => value)

  // @ts-expect-error A size is a number.
  stream.on('drop', (size: string) => size)
  // @ts-expect-error The end of a stall tells nothing.
  stream.once('unstall', (error: Error) => error)
}

export async function nodeMembers (stream: WriteStream): Promise<void> {
  isExactly<number | null>()(stream.fd)
  isExactly<fs.OpenMode>()(stream.flags)
  isExactly<fs.Mode>()(stream.mode)
  isExactly<number | undefined>()(stream.start)
  isExactly<boolean>()(stream.autoClose)
  isExactly<void>()(stream.destroySoon())
  await stream[Symbol.asyncDispose]()
}

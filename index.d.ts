/// <reference types="node" />

import * as fs from 'node:fs'
import { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'

/**
 * Opens a writable stream into a file. Takes the same arguments as `fs.createWriteStream`, returns the same kind of stream, and writes the bytes in Rust.
 *
 * The file is opened in the background, when the JavaScript that made the stream has run to its end. An error of opening,
 * writing or closing is emitted as `'error'`.
 *
 * Follows {@link https://nodejs.org/api/fs.html#fscreatewritestreampath-options | fs.createWriteStream}.
 *
 * @param path the file; ignored if `options.fd` is given
 * @param options its options, or just the encoding of strings
 * @returns the stream, not open yet
 * @throws TypeError `ERR_INVALID_ARG_TYPE`: `path` or an option is of a wrong type
 * @throws TypeError `ERR_INVALID_ARG_VALUE`: `path` has a null byte, or an option has a value that can't be taken
 * @throws TypeError `ERR_INCOMPATIBLE_OPTION_PAIR`: two options do not go together
 * @throws RangeError `ERR_OUT_OF_RANGE`: `options.start` or `options.fd` is out of range
 *
 * @example
 * ```js
 * const { createWriteStream } = require('spillway')
 * const { once } = require('node:events')
 *
 * const out = createWriteStream('numbers.txt')
 * for (let i = 0; i < 1e6; i++) {
 *   if (!out.write(`${i}\n`)) await once(out, 'drain')
 * }
 * out.end()
 * ```
 */
export declare function createWriteStream (path: fs.PathLike, options?: BufferEncoding | WriteStreamOptions): WriteStream

/**
 * The options of {@link createWriteStream}: all of `fs.createWriteStream`'s, and spillway's own: `lowWaterMark`,
 * `exitTimeout`, `retry`, `backpressure`, `budget`, `blockTimeout` and `kernelCopy`; `compress`, `digest`, `durable`, `atomic`,
 * `mkdir` and `rotate`. Two that do not go together throw a `TypeError`, `ERR_INCOMPATIBLE_OPTION_PAIR`.
 *
 * Follows {@link https://nodejs.org/api/fs.html#fscreatewritestreampath-options | fs.createWriteStream}.
 */
export interface WriteStreamOptions {
  /**
   * How the file is opened: `'w'` empties or creates it, `'a'` appends to it, `'r+'` writes into it as it is.
   * A number is taken as the `O_` flags of `open(2)`.
   *
   * Follows {@link https://nodejs.org/api/fs.html#file-system-flags | File system flags}.
   *
   * @defaultValue `'w'`
   */
  flags?: fs.OpenMode | undefined

  /**
   * The encoding of strings whose `write()` names none.
   *
   * Follows {@link https://nodejs.org/api/buffer.html#buffers-and-character-encodings | Buffers and character encodings}.
   *
   * @defaultValue `'utf8'`
   */
  encoding?: BufferEncoding | undefined

  /**
   * An open descriptor or `FileHandle` to write to, in place of `path`. No `'open'` and no `'ready'` is emitted for it.
   *
   * spillway writes to a duplicate of it, which is made together with the stream: bytes can't reach another file that
   * is opened later under the same number.
   * The stream closes the descriptor itself, unless `autoClose` is false.
   */
  fd?: number | FileHandle | undefined

  /**
   * The permissions of a file that is created; the process's umask is taken off.
   *
   * @defaultValue `0o666`
   */
  mode?: number | undefined

  /**
   * Whether the descriptor is closed when the stream ends or fails. If false, closing it is up to the caller.
   *
   * @defaultValue `true`
   */
  autoClose?: boolean | undefined

  /**
   * Whether `'close'` is emitted when the stream is destroyed.
   *
   * @defaultValue `true`
   */
  emitClose?: boolean | undefined

  /**
   * Where in the file the first byte goes, in bytes, from 0 to `Number.MAX_SAFE_INTEGER`.
   * To write into the middle of a file and keep the rest, set `flags` to `'r+'`.
   *
   * @defaultValue where the descriptor stands: the beginning, or the end with `'a'`
   */
  start?: number | undefined

  /** Destroys the stream with an `AbortError` when it is aborted. */
  signal?: AbortSignal | null | undefined

  /**
   * How many bytes may be buffered. From that number on `write()` returns false.
   *
   * Follows {@link https://nodejs.org/api/stream.html#buffering | Buffering}.
   *
   * @defaultValue `1048576`, 1 MiB
   */
  highWaterMark?: number | undefined

  /**
   * `'drain'` is emitted as soon as no more than this many bytes wait to be written.
   * An integer from 0 to `highWaterMark`, or `ERR_INVALID_ARG_VALUE` is thrown. This option is spillway's own.
   *
   * @defaultValue `0`: when all are written, as in Node
   */
  lowWaterMark?: number | undefined

  /**
   * How long the end of the process (or worker) waits for this stream while its target accepts no data, in milliseconds. Then a
   * process warning named `SpillwayWarning` has its path and the number of bytes that are lost. This option is spillway's own.
   *
   * With `Infinity` the end waits for ever for a pipe that nobody reads, and no listener for a signal is called meanwhile: a
   * process that listens for `SIGTERM` can then be ended by `SIGKILL` only.
   *
   * @defaultValue `5000`
   */
  exitTimeout?: number | undefined

  /**
   * Enables retrying after some errors of a write, such as that of a full disk. The stream emits `'stall'`, tries again and
   * again, and emits `'unstall'` when it goes on, at the exact byte. Without this option such an error ends the stream.
   * This option is spillway's own.
   */
  retry?: RetryOptions | null | undefined

  /**
   * What happens to a chunk with which more than `budget` bytes would be buffered. This option is spillway's own.
   *
   * - `'strict'`: the stream fails with a `RangeError`, `ERR_OUT_OF_RANGE`. Nothing of the chunk is written, all before it is.
   * - `'block'`: `write()` waits for room, the JavaScript thread and all, for at most `blockTimeout`; then as `'strict'`.
   * - `'drop-newest'`: the chunk is dropped whole, counted in {@link WriteStream.stats}, and `'drop'` is emitted; its callback is
   *   called with that error.
   *
   * @defaultValue none: it is buffered, as in Node, without limit
   */
  backpressure?: 'strict' | 'block' | 'drop-newest' | null | undefined

  /**
   * The most bytes that may be buffered, if there is a `backpressure`. What counts is `writableLength`.
   * At least `highWaterMark`. This option is spillway's own.
   *
   * @defaultValue 16 MiB, or twice `highWaterMark` if that is more
   */
  budget?: number | null | undefined

  /**
   * How long a `write()` that blocks, or `flushSync()`, waits at most for a target that accepts no data, in milliseconds.
   * This option is spillway's own.
   *
   * @defaultValue `10000`
   */
  blockTimeout?: number | undefined

  /**
   * Whether a file that is piped into the stream may be copied without a look at its chunks: `fs.createReadStream().pipe(stream)`
   * and `pipeline()`, while nobody else reads it. Then up to 4 MiB more may arrive after the reader was paused, unpiped or
   * destroyed, and `bytesRead` and `bytesWritten` move in steps of megabytes. This option is spillway's own.
   *
   * @defaultValue `true`
   */
  kernelCopy?: boolean | undefined

  /**
   * Compresses the bytes: the file is one that `gunzip`, `zstd -d` and Node read, however the process ends. To append, with
   * `flags: 'a'`, adds a member (gzip) or a frame (zstd). A callback means that the bytes are in the compressor's hands;
   * `flushSync()` and `sync()` have all before them readable in the file. Not together with `durable`, `start`, or flags
   * that keep what lies behind. This option is spillway's own.
   *
   * @defaultValue none
   */
  compress?: CompressionAlgorithm | CompressOptions | null | undefined

  /**
   * Has the bytes digested on their way, by one algorithm or several: see {@link WriteStream.digest}. This option is spillway's own.
   *
   * @defaultValue none
   */
  digest?: DigestAlgorithm | readonly DigestAlgorithm[] | null | undefined

  /**
   * Which bytes are digested if they are compressed: those that were given, or those that are in the file. Needs `digest`.
   * This option is spillway's own.
   *
   * @defaultValue `'stream'`
   */
  digestOf?: 'stream' | 'file' | null | undefined

  /**
   * Whether bytes count as written when they are on the device: callbacks, `'drain'`, `'finish'` and `flushSync()` mean that.
   * Those who write at the same time are synced together. Not together with `compress`. This option is spillway's own.
   *
   * @defaultValue `false`
   */
  durable?: boolean | null | undefined

  /**
   * Has the file take the place of the old one at once, when all bytes are there, before `'finish'`. Until then, and for good
   * after an error, `destroy()` or an end of the process, the old file is untouched. Only with the flags `'w'` and `'wx'`, and not together
   * with `start`, `fd` or `fs`. This option is spillway's own.
   *
   * @defaultValue `false`
   */
  atomic?: boolean | AtomicOptions | null | undefined

  /**
   * Whether the folders of the file are made, as far as they are missing. Not together with `fd`. This option is spillway's own.
   *
   * Follows {@link https://nodejs.org/api/fs.html#fsmkdirpath-options-callback | fs.mkdir} with `recursive`.
   *
   * @defaultValue `false`
   */
  mkdir?: boolean | null | undefined

  /**
   * Has the file be one of several: when it is full, or its time is over, it is closed under another name, and a new one is begun.
   * It is cut between chunks only. The file is appended to: `flags` are `'a'` by default. Not together with
   * `start`, `fd`, `fs`, `atomic`, `compress` and `digest`. Not on Windows. This option is spillway's own.
   *
   * @defaultValue none
   */
  rotate?: RotateOptions | false | null | undefined

  /**
   * Whether the file is synced to its device before it is closed. Wait for `'close'` to know that it is.
   *
   * @defaultValue `false`
   */
  flush?: boolean | undefined

  /**
   * Functions to be called in place of Node's. `write` and `writev` can't be replaced, since the bytes don't go
   * through them: others than Node's throw `ERR_INVALID_ARG_VALUE`. Not together with a `FileHandle`.
   *
   * @defaultValue Node's `fs`
   */
  fs?: FileSystem | null | undefined
}

/** After which errors of a write the stream tries again, and how. */
export interface RetryOptions {
  /**
   * Codes of system errors.
   *
   * @defaultValue `['ENOSPC', 'EDQUOT']`
   */
  codes?: string[] | undefined
  /**
   * The time between two tries, in milliseconds.
   *
   * @defaultValue `1000`
   */
  interval?: number | undefined
  /**
   * The time in milliseconds after which the error is the stream's after all.
   *
   * @defaultValue `Infinity`
   */
  limit?: number | undefined
}

/** The form of a file that is compressed: gzip by RFC 1952, zstd by RFC 8878. */
export type CompressionAlgorithm = 'gzip' | 'zstd'

/** How bytes are compressed. */
export interface CompressOptions {
  /** The form of the file. */
  algorithm: CompressionAlgorithm
  /**
   * From fast to small: 0 to 9 for gzip, -131072 to 22 for zstd.
   *
   * @defaultValue `6` for gzip, `3` for zstd
   */
  level?: number | undefined
  /**
   * How many threads compress side by side, from 1 to 64. Each takes memory.
   *
   * @defaultValue `1`
   */
  threads?: number | undefined
}

/** What bytes can be digested by: `crc32` is zlib's, `crc32c` is Castagnoli's. */
export type DigestAlgorithm = 'md5' | 'sha1' | 'sha256' | 'sha512' | 'crc32' | 'crc32c' | 'blake3'

/** How a file takes the place of another. */
export interface AtomicOptions {
  /**
   * Whether the file is synced to its device before, and its folder after. If not, a crash of the machine may leave neither file whole.
   *
   * @defaultValue `true`
   */
  durable?: boolean | undefined
}

/** A number of bytes, or a size as `'10m'`: k, m, g and t are of 1024. */
export type Size = number | string

/** When a file is closed, and what becomes of closed files. One of `size` and `interval` is needed. */
export interface RotateOptions {
  /**
   * The most bytes in a file, unless one chunk alone has more.
   *
   * @defaultValue none
   */
  size?: Size | null | undefined
  /**
   * How long a file is written to: a number with s, m, h, d or w, such as `'1h'` or `'1d'`. It ends when the clock on the wall
   * shows the end of an hour or a day, also if nothing is written. A part of a day, or whole days; weeks begin on Mondays.
   *
   * @defaultValue none
   */
  interval?: string | null | undefined
  /**
   * Which closed files stay: so many of the last, or those that were written to within a time such as `'14d'`.
   *
   * @defaultValue all
   */
  keep?: number | string | null | undefined
  /**
   * The most bytes of all files together: the oldest ones are removed.
   *
   * @defaultValue none
   */
  maxTotal?: Size | null | undefined
  /**
   * Has closed files compressed, beside the writing: `.gz` or `.zst` is put behind their names.
   *
   * @defaultValue none
   */
  compress?: CompressionAlgorithm | CompressOptions | null | undefined
  /**
   * How closed files are called, in the same folder: a pattern with `%Y`, `%m`, `%d`, `%H`, `%M`, `%S` and `%i`, or a function. It
   * gets the time when the interval of the file began (without an `interval`, the hour), and the number of the file, from 1 on.
   * The number must be in there in decimal digits, or not at all: then `.2`, `.3` and so on are put before the extension of further files.
   *
   * @defaultValue `'app-%Y-%m-%d.%i.log'` for `app.log`
   */
  name?: string | ((time: Date, index: number) => string) | null | undefined
  /**
   * Whether days and hours are those of UTC.
   *
   * @defaultValue `false`
   */
  utc?: boolean | undefined
  /**
   * Whether files are cut behind the end of a line, whatever chunks it comes in. If not, between chunks. For bytes that are piped in, for example.
   *
   * @defaultValue `false`, in `spillway/pino` `true`
   */
  lines?: boolean | undefined
}

/** A closed file, as `'rotate'` tells of it. */
export interface ClosedFile {
  /** Its path, with `.gz` or `.zst` if it was compressed. */
  path: string
  /** Its bytes. */
  bytes: number
}

/** What has happened to a stream, see {@link WriteStream.stats}. All counts begin when the stream is made. */
export interface Stats {
  /** Bytes that were accepted and that Rust has taken in. Chunks that Node holds, for example corked ones, are not yet among them. */
  acceptedBytes: number
  /** Chunks of `acceptedBytes`. */
  acceptedChunks: number
  /** Bytes that the kernel has taken, up to this instant. */
  writtenBytes: number
  /** Chunks whose write is complete: Node was told so, and calls their callbacks. */
  writtenChunks: number
  /** Bytes in the file that this stream has written: fewer than `writtenBytes` if they were compressed. */
  fileBytes: number
  /** `fileBytes` divided by `writtenBytes`; 1 if nothing was written. */
  compressionRatio: number
  /** Bytes of chunks that were dropped. */
  droppedBytes: number
  /** Chunks that were dropped. */
  droppedChunks: number
  /** Bytes that are buffered now: `writableLength`. */
  bufferedBytes: number
  /** The most bytes that were buffered at once. */
  peakBufferedBytes: number
  /** How often `write()` returned false. */
  backpressureCount: number
  /** How often `'drain'` was emitted. */
  drains: number
  /** Time for which `highWaterMark` bytes or more were buffered, in milliseconds. */
  backpressureTime: number
  /** Write calls to the kernel, those that failed among them. */
  writeCalls: number
  /** `writtenBytes` divided by `writeCalls`; 0 if there was no call. */
  bytesPerCall: number
  /** How many stalls have begun: the errors after which `retry` tries again. */
  stalls: number
  /** The `code` of the stream's error, or of the last stall's; null: there was none. */
  lastError: string | null
}

/**
 * What a stream calls to open, sync and close its file: the `fs` of Node's own options. `write` and `writev` must be Node's.
 *
 * @example
 * ```js
 * const fs = require('node:fs')
 * const { createWriteStream } = require('spillway')
 *
 * function open (path, ...rest) {
 *   console.log(`opening ${path}`)
 *   fs.open(path, ...rest)
 * }
 *
 * createWriteStream('a.txt', { fs: { ...fs, open } }).end('hello')
 * ```
 */
export type FileSystem = NonNullable<NodeOptions['fs']>

/** Node's own options. */
type NodeOptions = Exclude<NonNullable<Parameters<typeof fs.createWriteStream>[1]>, string>

/** The events of a {@link WriteStream}, and what their listeners are given. */
export interface WriteStreamEvents {
  /** The file is closed. */
  close: []
  /** Everything that was buffered is written: go on. */
  drain: []
  /** A chunk of this many bytes was dropped. Emitted within `write()`. */
  drop: [size: number]
  /** The stream has failed. */
  error: [error: Error]
  /** Everything is written. */
  finish: []
  /** The file is open, with this descriptor. */
  open: [fd: number]
  /** A stream is piped into this one. */
  pipe: [source: Readable]
  /** The same as `open`. */
  ready: []
  /** The file was opened anew, by `reopen()`. */
  reopen: []
  /** A file is closed, and as it is to stay. */
  rotate: [file: ClosedFile]
  /** A write failed with this error, after which `retry` tries again. */
  stall: [error: NodeJS.ErrnoException]
  /** A stream is no longer piped into this one. */
  unpipe: [source: Readable]
  /** The target takes bytes again, and the stall is over. */
  unstall: []
  /** A rotation, a compression or a removal could not be done now; nothing is lost. Without a listener the process is warned. */
  warning: [error: NodeJS.ErrnoException]
}

/** Any other event of a program's own. */
type OtherEvent<Event> = Event extends keyof WriteStreamEvents ? never : Event

type Listener<Event extends keyof WriteStreamEvents> = (...values: WriteStreamEvents[Event]) => void

/** Where {@link WriteStream.writeFrom} reads: a path, a descriptor, a `FileHandle`, or an `fs.ReadStream` that nobody has read from. */
export type Source = fs.PathLike | number | FileHandle | fs.ReadStream

/** What {@link WriteStream.writeFrom} reads of its source. */
export interface WriteFromOptions {
  /**
   * Where the first byte is read, in bytes.
   *
   * @defaultValue the beginning of a path, or where the descriptor stands; that of the `fs.ReadStream`
   */
  start?: number | undefined

  /**
   * Where the last byte is read, in bytes. It is read, too, as with `fs.createReadStream`.
   *
   * @defaultValue `Infinity`: the end of the source; that of the `fs.ReadStream`
   */
  end?: number | undefined

  /** Stops the copy when it is aborted. What was read by then is written. */
  signal?: AbortSignal | undefined
}

/** What a {@link WriteStream} can write: text or bytes. A typed array or a `DataView` needs Node 20.13. */
export type Chunk = string | NodeJS.ArrayBufferView

/** Called when the kernel has taken a chunk, or with the error that kept it from being written. */
export type WriteCallback = (error: Error | null | undefined) => void

/**
 * A writable stream into a file, as {@link createWriteStream} makes it: an `fs.WriteStream` and a `stream.Writable`.
 * What is not described here is as there.
 *
 * Emits six events more:
 *
 * - `'stall'` with the error: a write failed with an error after which `retry` tries again
 * - `'unstall'`: the target takes bytes again, and the stall is over
 * - `'drop'` with the size in bytes: a chunk was dropped; emitted within `write()`
 * - `'reopen'`: the file was opened anew
 * - `'rotate'` with the path and the bytes of a file that is closed
 * - `'warning'` with the error: something of a rotation could not be done now
 *
 * Follows {@link https://nodejs.org/api/fs.html#class-fswritestream | fs.WriteStream}.
 */
export interface WriteStream extends fs.WriteStream {
  /**
   * The number of bytes that the kernel has taken so far. Buffered bytes are not in it.
   * It moves between turns of the event loop, and in `flushSync()` and a `write()` that blocks. While nobody waits for
   * the write, it may be some 10 ms old. Once the stream is closed, by an error or `destroy()` too, it is exact.
   *
   * Follows {@link https://nodejs.org/api/fs.html#writestreambyteswritten | writeStream.bytesWritten}.
   */
  readonly bytesWritten: number

  /**
   * The path that was given: a string, or a `Buffer` if it was one.
   *
   * Follows {@link https://nodejs.org/api/fs.html#writestreampath | writeStream.path}.
   */
  path: string | Buffer

  /**
   * Whether the file is not open yet: true until `'ready'`.
   *
   * Follows {@link https://nodejs.org/api/fs.html#writestreampending | writeStream.pending}.
   */
  readonly pending: boolean

  /**
   * Takes a chunk to write. Once the stream writes, the bytes may reach the file at once, while JavaScript is still busy.
   *
   * Don't change a `Buffer`, and don't transfer its memory, before its callback is called: one of 16384 bytes or more is
   * written from where it is.
   *
   * Follows {@link https://nodejs.org/api/stream.html#writablewritechunk-encoding-callback | writable.write}.
   *
   * @param chunk text or bytes
   * @param callback called when the kernel has taken the chunk, or with the error that kept it from being written
   * @returns false if `highWaterMark` bytes or more wait now: write on after `'drain'`
   * @throws TypeError `ERR_INVALID_ARG_TYPE` for a chunk that is no text and no bytes, `ERR_STREAM_NULL_VALUES` for null
   */
  write (chunk: Chunk, callback?: WriteCallback): boolean

  /**
   * Takes a string to write in an encoding of its own.
   *
   * Follows {@link https://nodejs.org/api/stream.html#writablewritechunk-encoding-callback | writable.write}.
   *
   * @param chunk text; bytes are written as they are
   * @param encoding of `chunk` if that is a string; the stream's if it is undefined
   * @param callback called when the kernel has taken the chunk, or with the error that kept it from being written
   * @returns false if `highWaterMark` bytes or more wait now: write on after `'drain'`
   * @throws TypeError `ERR_UNKNOWN_ENCODING` for an encoding that Node doesn't know
   */
  write (chunk: Chunk, encoding: BufferEncoding | undefined, callback?: WriteCallback): boolean

  /**
   * Says that no more will be written. `'finish'` is emitted when the kernel has taken everything, `'close'` when the
   * file is closed.
   *
   * Follows {@link https://nodejs.org/api/stream.html#writableendchunk-encoding-callback | writable.end}.
   *
   * @param callback called on `'finish'`, or with an error
   * @returns the stream
   */
  end (callback?: WriteCallback): this

  /**
   * Takes a last chunk to write, then ends the stream.
   *
   * Follows {@link https://nodejs.org/api/stream.html#writableendchunk-encoding-callback | writable.end}.
   *
   * @param chunk text or bytes
   * @param callback called on `'finish'`, or with an error
   * @returns the stream
   */
  end (chunk: Chunk, callback?: WriteCallback): this

  /**
   * Takes a last string to write in an encoding of its own, then ends the stream.
   *
   * Follows {@link https://nodejs.org/api/stream.html#writableendchunk-encoding-callback | writable.end}.
   *
   * @param chunk text; bytes are written as they are
   * @param encoding of `chunk` if that is a string; the stream's if it is undefined
   * @param callback called on `'finish'`, or with an error
   * @returns the stream
   */
  end (chunk: Chunk, encoding: BufferEncoding | undefined, callback?: WriteCallback): this

  /**
   * Writes what waits and closes the file.
   *
   * Follows {@link https://nodejs.org/api/fs.html#writestreamclosecallback | writeStream.close}.
   *
   * @param callback called when the file is closed, or with the error of closing it
   */
  close (callback?: (error?: NodeJS.ErrnoException | null) => void): void

  /**
   * Ends the stream. What Node has begun to write is written; what lies behind it is dropped, unless it is in the file
   * already. The callbacks that were not yet called get an error, `ERR_STREAM_DESTROYED` if none is given.
   * `bytesWritten` says how many bytes the file has got.
   *
   * Follows {@link https://nodejs.org/api/stream.html#writabledestroyerror | writable.destroy}.
   *
   * @param error emitted as `'error'`
   * @returns the stream
   */
  destroy (error?: Error): this

  /**
   * Writes all that was accepted, corked chunks too, on this thread, before it returns. Nothing of it is lost then, however
   * the process ends. It opens the file first, if that is still to be done.
   * It waits at most `blockTimeout` for a target that accepts no data. May be called at any time, also on `'exit'`.
   *
   * @throws the error of the write, with its `code`; `ETIMEDOUT` if the target accepts no data
   * @throws Error `ERR_INVALID_STATE`: Node is to open the file and has not yet, or Node holds chunks for the `_write` of a subclass
   * @throws Error `ERR_STREAM_DESTROYED`: the stream was destroyed before all was written
   */
  flushSync (): void

  /**
   * Writes the bytes of another file, pipe, socket or terminal, in their place among the writes around it. They are copied in
   * Rust, and count as accepted from this call on. A path is opened when its turn comes. A source that grows or shrinks meanwhile
   * is copied up to the end that it has then. From a pipe or socket bytes are copied until its end.
   *
   * Follows {@link https://nodejs.org/api/fs.html#fscreatereadstreampath-options | fs.createReadStream} in its options.
   *
   * @param source where to read
   * @param options what to read of it
   * @returns a promise of the number of bytes. It is rejected with
   * - the error of opening or reading the source: the stream goes on behind what was read
   * - the error of the write, which is the stream's, too
   * - an `AbortError`, if `options.signal` is aborted
   * - `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE` for an argument that can't be taken
   * - `ERR_INVALID_STATE`: the source is the file that is written, or was read from before; or a subclass writes the chunks
   *
   * @example
   * ```js
   * const { createWriteStream } = require('spillway')
   *
   * const out = createWriteStream('whole.txt')
   * out.write('header\n')
   * const bytes = await out.writeFrom('body.txt')
   * out.end(`${bytes} bytes\n`)
   * ```
   */
  writeFrom (source: Source, options?: WriteFromOptions): Promise<number>

  /**
   * Has everything that was written before this call on the device, with all that the system knows of the file. It has its
   * place among the writes, and ends a block of a file that is compressed, so that all before can be read. Calls that are under
   * way together are one call to the system. One that fails is the stream's error.
   *
   * Follows {@link https://nodejs.org/api/fs.html#filehandlesync | filehandle.sync}.
   *
   * @returns a promise that is rejected with
   * - the error of the sync or of a write before it, which is the stream's, too
   * - `ERR_STREAM_WRITE_AFTER_END` or `ERR_STREAM_DESTROYED`: no more can be written
   * - `ERR_INVALID_STATE`: a subclass writes the chunks
   */
  sync (): Promise<void>

  /**
   * The same, with a callback.
   *
   * @param callback called when all is on the device, or with the error
   */
  sync (callback: WriteCallback): void

  /**
   * As `sync()`, with only what is needed to read the bytes.
   *
   * Follows {@link https://nodejs.org/api/fs.html#filehandledatasync | filehandle.datasync}.
   *
   * @returns a promise, rejected as that of `sync()`
   */
  datasync (): Promise<void>

  /**
   * The same, with a callback.
   *
   * @param callback called when the bytes are on the device, or with the error
   */
  datasync (callback: WriteCallback): void

  /**
   * Has what is written from now on go to a file that is opened anew: for `logrotate`, say. What was written before goes to the old one.
   * Returns at once; `'reopen'` says that it is done. Nothing is emptied, and the descriptor keeps its number. Not on Windows.
   *
   * @param path of another file: {@link WriteStream.path} from `'reopen'` on; the same path by default
   * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`
   * @throws Error `ERR_INVALID_STATE` for a stream that has no path, is atomic, or rotates and is given a path;
   * `ERR_STREAM_DESTROYED`, `ERR_STREAM_WRITE_AFTER_END`
   */
  reopen (path?: fs.PathLike): void

  /**
   * Gives a digest of what the stream has written, from `'finish'` on. CRCs are four bytes, the most significant first.
   *
   * @param name one of those of `options.digest`; by default the first
   * @returns the bytes of the digest
   * @throws Error `ERR_INVALID_STATE`: the stream has not finished
   * @throws TypeError `ERR_INVALID_ARG_VALUE`: `options.digest` does not have this name
   */
  digest (name?: DigestAlgorithm): Buffer

  /**
   * Says what has happened to the stream: counts, times in milliseconds, and the last error.
   *
   * @throws Error `ERR_INVALID_STATE`: Node writes the stream, since it is in object mode or its `signal` was aborted before
   */
  stats (): Stats

  /** The descriptor; null while the file is not open. */
  fd: number | null

  /** How the file is opened: `options.flags`. */
  flags: fs.OpenMode

  /** The permissions of a file that is created: `options.mode`. */
  mode: fs.Mode

  /** Where the first byte goes, in bytes: `options.start`. */
  start: number | undefined

  /** Whether the descriptor is closed when the stream ends or fails: `options.autoClose`. */
  autoClose: boolean

  /** The same as `end()`. */
  destroySoon (): void

  /** Ends the stream and resolves when it is closed. In Node 20 it is there from 20.16 on, in the types of Node from 24 on. */
  [Symbol.asyncDispose] (): Promise<void>

  /** Calls `listener` for each `event`. */
  on<Event extends keyof WriteStreamEvents> (event: Event, listener: Listener<Event>): this
  on<Event extends string | symbol> (event: OtherEvent<Event>, listener: (...values: any[]) => void): this

  /** Calls `listener` for the next `event`. */
  once<Event extends keyof WriteStreamEvents> (event: Event, listener: Listener<Event>): this
  once<Event extends string | symbol> (event: OtherEvent<Event>, listener: (...values: any[]) => void): this

  /** The same as `on`. */
  addListener<Event extends keyof WriteStreamEvents> (event: Event, listener: Listener<Event>): this
  addListener<Event extends string | symbol> (event: OtherEvent<Event>, listener: (...values: any[]) => void): this

  /** Calls `listener` for each `event`, before the others. */
  prependListener<Event extends keyof WriteStreamEvents> (event: Event, listener: Listener<Event>): this
  prependListener<Event extends string | symbol> (event: OtherEvent<Event>, listener: (...values: any[]) => void): this

  /** Calls `listener` for the next `event`, before the others. */
  prependOnceListener<Event extends keyof WriteStreamEvents> (event: Event, listener: Listener<Event>): this
  prependOnceListener<Event extends string | symbol> (event: OtherEvent<Event>, listener: (...values: any[]) => void): this

  /** No longer calls `listener`. */
  off<Event extends keyof WriteStreamEvents> (event: Event, listener: Listener<Event>): this
  off<Event extends string | symbol> (event: OtherEvent<Event>, listener: (...values: any[]) => void): this

  /** The same as `off`. */
  removeListener<Event extends keyof WriteStreamEvents> (event: Event, listener: Listener<Event>): this
  removeListener<Event extends string | symbol> (event: OtherEvent<Event>, listener: (...values: any[]) => void): this
}

/**
 * The class of the streams that {@link createWriteStream} makes. Can be called with `new` and without, and extended.
 *
 * Follows {@link https://nodejs.org/api/fs.html#class-fswritestream | fs.WriteStream}.
 */
// eslint-disable-next-line @typescript-eslint/no-redeclare -- TypeScript has no class that can be called without `new`
export declare const WriteStream: {
  /** As {@link createWriteStream}. */
  new (path: fs.PathLike, options?: BufferEncoding | WriteStreamOptions): WriteStream
  /** As {@link createWriteStream}. */
  (path: fs.PathLike, options?: BufferEncoding | WriteStreamOptions): WriteStream
  /** What all streams of this class inherit. */
  readonly prototype: WriteStream
}

// Without this line TypeScript takes everything above as exported.
export {}

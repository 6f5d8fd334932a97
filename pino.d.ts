import { WriteStream, WriteStreamOptions } from './index.js'

/**
 * A transport for pino: writes the lines with spillway, in the worker thread that pino starts for it.
 *
 * Follows {@link https://getpino.io/#/docs/transports | Transports}.
 *
 * @param options given to pino as `options`, which copies them to its worker
 * @returns the stream, open
 * @throws the error of opening the file
 *
 * @example
 * ```js
 * const pino = require('pino')
 *
 * const logger = pino(pino.transport({
 *   target: 'spillway/pino',
 *   options: { destination: 'logs/app.log', mkdir: true }
 * }))
 * ```
 */
declare function transport (options?: transport.TransportOptions): Promise<WriteStream>

declare namespace transport {
  /** The options of the transport: its own, and those of `createWriteStream` that can be copied to a thread. */
  interface TransportOptions extends Omit<WriteStreamOptions, 'fd' | 'flags' | 'fs' | 'signal'> {
    /**
     * A path, or a descriptor, which is not closed.
     *
     * @defaultValue `1`, standard output
     */
    destination?: string | number | undefined

    /**
     * Whether to make the folder of `destination`, and those above it.
     *
     * @defaultValue `false`
     */
    mkdir?: boolean | undefined

    /**
     * Whether to keep what is in the file and write behind it; if false, the file is emptied.
     *
     * @defaultValue `true`
     */
    append?: boolean | undefined

    /**
     * How closed files are compressed, if there is `rotate`; else how the file is.
     *
     * @defaultValue none
     */
    compress?: WriteStreamOptions['compress']
  }
}

export = transport

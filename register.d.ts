/**
 * Makes spillway write all streams into files of this thread: those of `fs.createWriteStream()`, `new fs.WriteStream()`
 * and `FileHandle.createWriteStream()`. A stream with options that spillway rejects, for example a custom `fs` with its own `write`, stays Node's.
 *
 * The environment variable `SPILLWAY_KERNEL_COPY=0` makes `kernelCopy: false` the default of these streams.
 *
 * Loading this module does it. Call it to do it again after {@link unregister}; twice is harmless.
 */
export declare function register (): void

/** Undoes {@link register}. Streams that are open go on as they are. Twice is harmless. */
export declare function unregister (): void

'use strict'

// What a run may use. A program that ignores false takes all it gets, so something must stop it.

const MIB = 1024 * 1024

module.exports = {
  /** Memory of one process, in bytes: far above what a stream that is waited for needs (70 MiB), reached within seconds by one that is not. */
  MEMORY: 192 * MIB,
  /** Time of one process, in milliseconds: the slowest target takes what the fastest program has made in about as long. */
  TIME: 30_000,
  /** A process that reports nothing for so long is not running as it should, in milliseconds. It reports every 50. */
  SILENCE: 5000,
  /** What a program writes at most, in bytes: it may land on a small disk. */
  BYTES: 256 * MIB,
  /** Runs at once, of all pages: each is two busy processes. */
  RUNS: 2
}

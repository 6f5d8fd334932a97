/**
 * Shows a table of the open streams of all threads on standard error: each second on a terminal, and when the process ends.
 * Where standard error is no terminal, it is shown at the end alone.
 *
 * The environment variable `SPILLWAY_MONITOR` gives another interval in seconds, which holds where there is no terminal, too.
 * `0` shows nothing.
 *
 * Streams that were opened before can't be seen. Workers are in it if this module is loaded in them and in the main thread.
 *
 * Loading this module does it. Call it to do it again after {@link stop}; twice is harmless.
 */
export declare function start (): void

/** Shows none any more, also at the end. What is on the terminal stays. Twice is harmless. */
export declare function stop (): void

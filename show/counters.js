'use strict'

// The numbers that the JavaScript thread of a program shares with the thread that reports them. So they are
// reported while a loop holds the JavaScript thread, too. A number that is torn or a moment old does no harm.

/** Their places in a Float64Array. */
const PLACES = { accepted: 0, buffered: 1, peak: 2, falses: 3, drains: 4, beat: 5, late: 6 }

function make () {
  return new Float64Array(new SharedArrayBuffer(8 * Object.keys(PLACES).length))
}

/** The same clock in all threads of a process, in milliseconds. */
const now = () => performance.timeOrigin + performance.now()

module.exports = { PLACES, make, now }

'use strict'

// Text in which a hole, a repeated byte or a wrong order shows.

/** @returns {(string | Buffer)[]} numbered lines, and now and then a block that is too big to be copied */
function chunks (count = 600) {
  return Array.from({ length: count }, (_, at) => at % 20 === 0 ? Buffer.alloc(20_000, `${at} `) : `line ${at} ${'.'.repeat(at % 1000)}\n`)
}

/** @returns {Buffer} what a file holds to which all of `list` were written */
function joined (list) {
  return Buffer.concat(list.map(chunk => Buffer.from(chunk)))
}

module.exports = { chunks, joined, path: __filename }

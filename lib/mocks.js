'use strict'

// File systems that live in this process, in the place of the system's: mock-fs.

const process = require('node:process')

const cwdAtLoad = process.cwd

/**
 * Whether somebody has put functions of his own beneath those of `fs`. mock-fs does, and replaces `process.cwd()`, too.
 * process.binding() may warn that it is deprecated, so it is asked only then.
 */
function isMocked () {
  // eslint-disable-next-line n/no-deprecated-api -- there is no other way to see it
  return process.cwd !== cwdAtLoad && process.permission === undefined && process.binding('fs')._mockedBinding !== undefined
}

module.exports = { isMocked }

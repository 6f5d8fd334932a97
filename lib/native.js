'use strict'

// The addon, or one clear error.

const path = require('node:path')
const process = require('node:process')

/** Brings the one tool that the build script needs, and leaves the other packages of the project alone. */
const BUILD = 'npx --yes --package=@napi-rs/cli@3 npm run build'

function load () {
  try {
    return require('../native.js')
  } catch (cause) {
    const folder = path.join(__dirname, '..')
    const error = new Error(
      `spillway has no addon for ${process.platform}-${process.arch} (Node ${process.version}). ` +
      `With Rust installed (https://rustup.rs), this command builds it: cd ${JSON.stringify(folder)} && ${BUILD}`,
      { cause })
    error.code = 'ERR_DLOPEN_FAILED'
    throw error
  }
}

module.exports = load()

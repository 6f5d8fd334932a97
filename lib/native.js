'use strict'

// The addon of this version, or one clear error.

const path = require('node:path')
const process = require('node:process')
const { version } = require('../package.json')

/** Brings the one tool that the build script needs, and leaves the other packages of the project alone. */
const BUILD = 'npx --yes --package=@napi-rs/cli@3 npm run build'

function load () {
  let addon
  try {
    addon = require('../native.js')
  } catch (cause) {
    throw failed(`spillway has no addon for ${process.platform}-${process.arch} (Node ${process.version})`, { cause })
  }
  // The generated loader compares versions only if an environment variable asks for that, and never that of a file
  // which was built here or which NAPI_RS_NATIVE_LIBRARY_PATH names.
  const found = typeof addon.version === 'function' ? addon.version() : 'unknown'
  if (found !== version) throw failed(`spillway ${version} has found an addon of version ${found}: install the package anew`)
  return addon
}

function failed (reason, options) {
  const folder = path.join(__dirname, '..')
  const error = new Error(`${reason}. With Rust installed (https://rustup.rs), this command builds it: cd ${JSON.stringify(folder)} && ${BUILD}`, options)
  error.code = 'ERR_DLOPEN_FAILED'
  return error
}

module.exports = load()

'use strict'

// The addon of this version, or one error of two lines: why there is none, and what to do.

const path = require('node:path')
const process = require('node:process')
const { version } = require('../package.json')

const FOLDER = path.join(__dirname, '..')

/** Brings the one tool that the build script needs, and leaves the other packages of the project alone. */
const BUILD = `With Rust installed (https://rustup.rs), this command builds it: cd ${JSON.stringify(FOLDER)} && npx --yes --package=@napi-rs/cli@3 npm run build`

const CORRECT = 'Correct NAPI_RS_NATIVE_LIBRARY_PATH, or unset it to load the addon of the package'

/** Reasons that have a remedy of their own. Of what the generated loader has met, it tells the messages alone. */
const REMEDIES = [
  [/loading addons is disabled/, 'Start node with --allow-addons beside --permission, and without --no-addons'],
  [/^Requires \w+ access/, 'Start deno with --allow-env, --allow-read and --allow-ffi']
]

/** Those of package.json's `napi.targets`. */
const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64', 'win32-arm64']

function load () {
  let addon
  try {
    addon = require('../native.js')
  } catch (error) {
    const attempts = attemptsOf(error)
    throw failed(...explain(attempts), attempts)
  }
  // The generated loader compares versions only if an environment variable asks for that, and never that of a file
  // which was built here or which NAPI_RS_NATIVE_LIBRARY_PATH names.
  const found = typeof addon.version === 'function' ? addon.version() : 'unknown'
  if (found !== version) throw failed(`spillway ${version} has found an addon of version ${found}: install the package anew`, isNamed() ? CORRECT : BUILD, [])
  return addon
}

/** What the generated loader tried, the first first: the messages of a chain of causes, below one of its own with advice for other packages. */
function attemptsOf ({ message, cause }) {
  if (!cause) return [message]
  const attempts = []
  for (let error = cause; error; error = error.cause) attempts.unshift(error.message)
  return attempts
}

/** @returns {[string, string]} the reason, and the remedy */
function explain (attempts) {
  for (const [sign, remedy] of REMEDIES) {
    const reason = attempts.find(attempt => sign.test(attempt))
    if (reason !== undefined) return [`spillway can't load its addon: ${reason}`, remedy]
  }
  if (isNamed()) return [`spillway can't load the addon that NAPI_RS_NATIVE_LIBRARY_PATH names: ${attempts[0]}`, CORRECT]
  const platform = `${process.platform}-${process.arch}`
  const missing = `spillway has no addon for ${platform} (Node ${process.version})`
  if (!PLATFORMS.includes(platform)) return [`${missing}: releases have none for this platform`, BUILD]
  const reason = attempts.find(attempt => !attempt.startsWith('Cannot find module'))
  return [reason === undefined ? `${missing}: there is no file of it, and no package @spillway/native-*` : `spillway can't load its addon: ${reason}`, BUILD]
}

function isNamed () {
  return Boolean(process.env.NAPI_RS_NATIVE_LIBRARY_PATH)
}

function failed (reason, remedy, attempts) {
  // A message of Node's goes on with the stack of modules.
  const error = withStackLimit(0, () => new Error(`${reason.split('\n', 1)}\n${remedy}`))
  error.stack = [`${error}`, ...framesOfUser()].join('\n')
  error.code = 'ERR_DLOPEN_FAILED'
  // Node prints whatever is named `cause`, and all that is enumerable.
  Object.defineProperty(error, 'attempts', { value: attempts })
  return error
}

/** Where spillway was required. The ten frames that Node keeps by default are all spillway's and those of Node's loader. */
function framesOfUser () {
  const lines = String(withStackLimit(Infinity, () => new Error().stack)).split('\n')
  return lines.filter(line => /^ +at /.test(line) && !line.includes(FOLDER) && !/\b(node|ext):/.test(line))
}

function withStackLimit (limit, make) {
  const { stackTraceLimit } = Error
  // Unlike an assignment it throws nothing where it is read-only: --frozen-intrinsics.
  Reflect.set(Error, 'stackTraceLimit', limit)
  const made = make()
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
  return made
}

module.exports = load()

'use strict'

// Errors that can't be told from Node's own: the same code, name, message and fields.

const { constants: { errno: ERRNO } } = require('node:os')
const { getSystemErrorMap, inspect } = require('node:util')

/**
 * An error with a Node error code.
 * @param {ErrorConstructor} Base its class
 * @param {string} code as in https://nodejs.org/api/errors.html#nodejs-error-codes
 * @param {string} message
 * @returns {Error}
 */
function coded (Base, code, message) {
  const error = new Base(message)
  error.code = code
  // The stack of Node's errors names the code behind the class.
  error.stack = error.stack.replace(error.name, `${error.name} [${code}]`)
  return error
}

/**
 * What a write of a destroyed stream is told.
 * @param {string} [method] what was called
 * @returns {Error} ERR_STREAM_DESTROYED
 */
function streamDestroyed (method = 'write') {
  return coded(Error, 'ERR_STREAM_DESTROYED', `Cannot call ${method} after a stream was destroyed`)
}

/**
 * A warning of ours for `process`.
 * @param {string} message
 * @param {Error} [cause]
 * @returns {Error} SpillwayWarning
 */
function warning (message, cause) {
  const error = new Error(message, cause && { cause })
  error.name = 'SpillwayWarning'
  return error
}

/** What a write is told that comes after `end()`. @returns {Error} ERR_STREAM_WRITE_AFTER_END */
function writeAfterEnd () {
  return coded(Error, 'ERR_STREAM_WRITE_AFTER_END', 'write after end')
}

/**
 * An option with a value that can't be taken.
 * @param {string} name of the option
 * @param {unknown} value
 * @param {string} [reason]
 * @returns {TypeError} ERR_INVALID_ARG_VALUE
 */
function invalidOption (name, value, reason = 'is invalid') {
  return coded(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.${name}' ${reason}. Received ${show(value)}`)
}

/**
 * Two options that do not go together.
 * @returns {TypeError} ERR_INCOMPATIBLE_OPTION_PAIR
 */
function incompatible (one, other) {
  return coded(TypeError, 'ERR_INCOMPATIBLE_OPTION_PAIR', `Option "${one}" cannot be used in combination with option "${other}"`)
}

/**
 * A value of a wrong type.
 * @param {string} name of the property
 * @param {string} expected such as 'of type number'
 * @param {unknown} value
 * @returns {TypeError} ERR_INVALID_ARG_TYPE
 */
function invalidType (name, expected, value) {
  return coded(TypeError, 'ERR_INVALID_ARG_TYPE', `The "${name}" property must be ${expected}. Received ${typeOf(value)}`)
}

/** The same of an argument. */
function invalidArgument (name, expected, value) {
  return coded(TypeError, 'ERR_INVALID_ARG_TYPE', `The "${name}" argument must be ${expected}. Received ${typeOf(value)}`)
}

function typeOf (value) {
  if (value == null || typeof value === 'function') return show(value)
  if (typeof value === 'object') return `an instance of ${value.constructor?.name ?? 'Object'}`
  return `type ${typeof value} (${show(value)})`
}

/**
 * A number that is too low or too high.
 * @param {string} name of what it is
 * @param {string} range such as '>= 0'
 * @param {unknown} value
 * @returns {RangeError} ERR_OUT_OF_RANGE
 */
function outOfRange (name, range, value) {
  return coded(RangeError, 'ERR_OUT_OF_RANGE', `The value of "${name}" is out of range. It must be ${range}. Received ${show(value)}`)
}

function show (value) {
  if (typeof value === 'function') return `function ${value.name}`
  const text = inspect(value)
  return text.length > 28 ? `${text.slice(0, 25)}...` : text
}

/**
 * A chunk for which `options.budget` leaves no room.
 * @param {number} size bytes
 * @param {number} room bytes
 * @returns {RangeError} ERR_OUT_OF_RANGE
 */
function overBudget (size, room) {
  return outOfRange('chunk.byteLength', `<= ${Math.max(room, 0)}, which is what options.budget leaves now`, size)
}

/**
 * Something that can't be done now.
 * @param {string} message
 * @returns {Error} ERR_INVALID_STATE
 */
function invalidState (message) {
  return coded(Error, 'ERR_INVALID_STATE', `Invalid state: ${message}`)
}

/**
 * Something that is not there on this system.
 * @param {string} feature
 * @returns {TypeError} ERR_FEATURE_UNAVAILABLE_ON_PLATFORM
 */
function unavailable (feature) {
  return coded(TypeError, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `The feature ${feature} is unavailable on the current platform, which is being used to run Node.js`)
}

/**
 * The number of an error as Rust tells it: libuv's, without the minus sign.
 * Elsewhere than on Windows that is the system's own; of what libuv has none
 * for it is that as well.
 * @param {string} code such as 'ENOSPC'
 * @returns {number | undefined} undefined: no system error has this name
 */
function errnoOf (code) {
  if (!Object.hasOwn(ERRNO, code)) return ALIASES.has(code) ? errnoOf(ALIASES.get(code)) : undefined
  for (const [errno, [name]] of getSystemErrorMap()) if (name === code) return -errno
  return ERRNO[code]
}

/** What Windows has no error of its own for, and Rust tells as another there: src/os/windows.rs. */
const ALIASES = new Map([['EDQUOT', 'ENOSPC']])

/** The name of what libuv has none for: `EDQUOT`, which `options.retry` knows by that name. */
function nameOf (errno) {
  return Object.keys(ERRNO).find(name => ERRNO[name] === errno) ?? `E${errno}`
}

/**
 * Why something failed, as `fs` would have said it.
 * @param {{ errno: number, message: string, syscall?: string }} fault `syscall`: if another one failed
 * @param {string} syscall what was called
 * @param {string | Buffer} [path] for what
 * @returns {NodeJS.ErrnoException}
 */
function failed ({ errno, message, syscall: other }, syscall, path) {
  syscall = other ?? syscall
  if (errno === 0) return coded(Error, 'ERR_SPILLWAY_PANIC', message)
  const [code, text] = getSystemErrorMap().get(-errno) ?? [nameOf(errno), 'unknown error']
  const of = path === undefined ? {} : { path: path.toString() }
  const error = new Error(`${code}: ${text}, ${syscall}${path === undefined ? '' : ` '${path}'`}`)
  return Object.assign(error, { errno: -errno, code, syscall }, of)
}

/**
 * Why a file can't be opened, as `fs.open` would have said it.
 * @param {{ errno: number }} fault
 * @param {string | Buffer} path
 * @returns {NodeJS.ErrnoException}
 */
function openFailed (fault, path) {
  const error = failed(fault, 'open', path)
  // No JavaScript has called what failed.
  error.stack = String(error)
  return error
}

/** Why a stream failed, as `fs.write` would have said it. */
function writeFailed (fault) {
  return failed(fault, 'write')
}

/**
 * What somebody is told who has aborted it.
 * @param {unknown} cause the reason of the signal
 * @returns {Error} AbortError
 */
function aborted (cause) {
  const error = coded(Error, 'ABORT_ERR', 'The operation was aborted')
  error.name = 'AbortError'
  return Object.assign(error, { cause })
}

module.exports = {
  warning,
  streamDestroyed,
  writeAfterEnd,
  incompatible,
  invalidOption,
  invalidType,
  invalidArgument,
  outOfRange,
  overBudget,
  invalidState,
  unavailable,
  errnoOf,
  failed,
  openFailed,
  writeFailed,
  aborted
}

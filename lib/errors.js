'use strict'

// Errors that can't be told from Node's own: the same code, name, message and fields.

const { getSystemErrorMap } = require('node:util')

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
 * @returns {Error} ERR_STREAM_DESTROYED
 */
function streamDestroyed () {
  return coded(Error, 'ERR_STREAM_DESTROYED', 'Cannot call write after a stream was destroyed')
}

/**
 * An option with a value that can't be taken.
 * @param {string} name of the option
 * @param {string} value how it is shown
 * @param {string} [reason]
 * @returns {TypeError} ERR_INVALID_ARG_VALUE
 */
function invalidOption (name, value, reason = 'is invalid') {
  return coded(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.${name}' ${reason}. Received ${value}`)
}

/**
 * A chunk whose memory was given away, with `postMessage` say, before it was written.
 * @returns {Error} ERR_INVALID_STATE
 */
function chunkDetached () {
  return coded(Error, 'ERR_INVALID_STATE',
    'Invalid state: a chunk was detached from its memory before it was written; what was written of it is undefined')
}

/**
 * Why a stream failed, as `fs.write` would have said it.
 * @param {{ errno: number, message: string }} fault
 * @returns {NodeJS.ErrnoException}
 */
function writeFailed ({ errno, message }) {
  if (errno === 0) return coded(Error, 'ERR_SPILLWAY_PANIC', message)
  const [code, text] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, 'unknown error']
  return Object.assign(new Error(`${code}: ${text}, write`), { errno: -errno, code, syscall: 'write' })
}

module.exports = { streamDestroyed, invalidOption, chunkDetached, writeFailed }

'use strict'

// One line for a whole program: `node -r spillway/register app.js`.
//
// Everybody's file streams become ours, and nothing that went well before may
// fail for it: what ours does not take goes to Node's.

const fs = require('node:fs')
const { syncBuiltinESMExports } = require('node:module')
// Not the global, which a program may replace: it says whether there are permissions.
const process = require('node:process')
const { isMocked } = require('./lib/mocks.js')
const { withDefaults } = require('./lib/options.js')
const Ours = require('./lib/write-stream.js')

const Base = Object.getPrototypeOf(Ours)
const writesAtLoad = { write: fs.write, writev: fs.writev }
/** Whether files that are piped may be copied without a look at their chunks, unless a stream says otherwise. */
const mayCopy = process.env.SPILLWAY_KERNEL_COPY !== '0'

/** How to undo what was done; null: nothing is registered. */
let undoes = null

/**
 * What `fs.WriteStream` becomes. Initialises the `this` it is given, be it ours
 * or not: subclasses made before or after call it with `apply`.
 *
 * @param {string | Buffer | URL} path
 * @param {string | object} [options] as `fs.createWriteStream` takes them
 */
function WriteStream (path, options) {
  if (!(this instanceof Base)) return new WriteStream(path, options)
  const checked = this instanceof Ours ? check(options) : undefined
  if (checked === undefined) Base.call(this, path, options)
  else Ours.call(this, path, checked)
}

WriteStream.prototype = Object.create(Ours.prototype, {
  constructor: { configurable: true, writable: true, value: WriteStream }
})
Object.setPrototypeOf(WriteStream, Ours)

// A stream that was made by Node, before or by an old reference, is one of these as well.
Object.defineProperty(WriteStream, Symbol.hasInstance, {
  configurable: true,
  value (value) {
    const isOfThis = Function.prototype[Symbol.hasInstance]
    return isOfThis.call(this === WriteStream ? Base : this, value)
  }
})

/** @returns {object | undefined} the options of a stream that may be ours, checked; undefined: it is Node's */
function check (options) {
  if (undoes === null || isReplaced()) return undefined
  try {
    const checked = withDefaults(options)
    if (mayCopy || typeof checked !== 'object') return checked
    checked.kernelCopy ??= false
    return checked
  } catch (error) {
    if (error.code === 'ERR_INCOMPATIBLE_OPTION_PAIR' && changesFile(options)) throw error
    return undefined
  }
}

/** Whether options ask for something that Node's stream would not do, and say nothing. */
function changesFile (options) {
  return ['atomic', 'compress', 'digest', 'durable', 'rotate'].some(name => options[name])
}

/** Whether somebody put other functions in the place of those that Rust stands for. */
function isReplaced () {
  return fs.write !== writesAtLoad.write || fs.writev !== writesAtLoad.writev || isMocked()
}

/**
 * `fs.promises.open`: the class of Node's handles is nowhere to be had but on a handle.
 * @param {Function} stock
 */
function learnFrom (stock) {
  return async function open (path, flags, mode) {
    const handle = await stock(path, flags, mode)
    const owner = Object.getPrototypeOf(handle)
    const isNew = Object.hasOwn(owner, 'createWriteStream') && owner.createWriteStream !== createWriteStream
    if (undoes !== null && isNew) replace(owner, 'createWriteStream', createWriteStream)
    return handle
  }
}

/** `FileHandle.prototype.createWriteStream` */
function createWriteStream (options) {
  return new WriteStream(undefined, { ...options, fd: this })
}

function replace (owner, name, value) {
  const stock = owner[name]
  owner[name] = value
  undoes.push(() => {
    // What was patched since is not ours to take away.
    if (owner[name] === value) owner[name] = stock
  })
}

/** Has all streams into files written by spillway from now on. Done when this module is loaded. */
function register () {
  if (undoes !== null || !isNodes(fs.WriteStream)) return
  undoes = []
  // Node's fs.createWriteStream makes whatever fs.WriteStream is.
  replace(fs, 'WriteStream', WriteStream)
  replace(fs, 'FileWriteStream', WriteStream)
  replace(fs.promises, 'open', learnFrom(fs.promises.open))
  syncBuiltinESMExports()
}

/** Whether it is Node's or made of Node's: another file system altogether, as memfs puts it there, has no use for Rust. */
function isNodes ({ prototype }) {
  return prototype === Base.prototype || prototype instanceof Base
}

/** Undoes that. Streams that are open go on as they are. */
function unregister () {
  if (undoes === null) return
  for (const undo of undoes) undo()
  undoes = null
  syncBuiltinESMExports()
}

register()

module.exports = { register, unregister }

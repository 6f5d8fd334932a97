'use strict'

// Streams that are not quite fs.WriteStream: subclasses, options that stand for
// methods, custom fs functions.

const fs = require('node:fs')
const { Writable } = require('node:stream')

/** Methods that an option stands for. */
const OPTIONS = { _write: 'write', _writev: 'writev', _construct: 'construct', _destroy: 'destroy', _final: 'final' }

/** What the methods do that do not leave it to super. `callback` is the last argument of each. */
const OWN = {
  sync: (stream, args, callback) => callback(),
  tick: (stream, args, callback) => process.nextTick(callback),
  error: (stream, args, callback, player) => callback(player.mine('of an override')),
  nothing: () => true,
  own: (stream, args, callback, player, method) => method === '_construct' ? openOwn(stream, callback, player) : closeOwn(stream, args, callback, player)
}

function openOwn (stream, callback, player) {
  fs.open(player.path, 'w', (error, fd) => {
    if (!error) stream.fd = fd
    player.log('own open', [error])
    callback(error)
  })
}

function closeOwn (stream, [error], callback, player) {
  // The descriptor of a handle is the handle's to close, or Node ends the process.
  if (typeof stream.fd !== 'number' || player.handle !== undefined) return callback(error)
  fs.close(stream.fd, fault => callback(error ?? fault))
  stream.fd = null
}

/** What of the arguments is told: not the number of a descriptor. */
function shownOf (method, args) {
  if (method === '_writev') return [args[0].length, ...args[0].map(({ chunk }) => chunk)]
  return method === 'emit' && args[0] === 'open' ? ['open', typeof args[1]] : args
}

/**
 * A function that logs its calls, and then does what `way` says.
 * @param {import('./play.js').Player} player
 * @param {{ method: string, way: string }} override
 * @param {() => Function | undefined} inherited what super has by that name
 */
function overriding (player, { method, way }, inherited) {
  return function (...args) {
    player.log(`called ${method}`, shownOf(method, args))
    const callback = args.at(-1)
    if (OWN[way] !== undefined) return OWN[way](this, args, callback, player, method)
    const next = inherited()
    if (next === undefined) return callback()
    if (way === 'super later') return process.nextTick(() => next.apply(this, args))
    return next.apply(this, args)
  }
}

/** @returns {Function} a class that extends `Base` */
function extended (Base, overrides, player) {
  class Heir extends Base {}
  for (const override of overrides) {
    Heir.prototype[override.method] = overriding(player, override, () => Base.prototype[override.method])
  }
  return Heir
}

/** As graceful-fs does it. */
function applied (Base) {
  function Heir (...args) {
    Base.apply(this, args)
  }
  Object.setPrototypeOf(Heir.prototype, Base.prototype)
  Object.setPrototypeOf(Heir, Base)
  return Heir
}

/** Puts the overrides that have an option into `options`. */
function addMethods (options, Base, overrides, player) {
  for (const override of overrides) {
    const name = OPTIONS[override.method]
    if (name !== undefined) options[name] = overriding(player, override, () => Base.prototype[override.method] ?? Writable.prototype[override.method])
  }
}

/**
 * Makes the stream of a program.
 * @param {{ createWriteStream: Function, WriteStream: Function }} api
 * @param {'none' | { form: string, overrides?: object[] }} heir
 * @param {unknown} path
 * @param {object} options
 * @param {import('./play.js').Player} player
 * @returns {fs.WriteStream}
 */
function makeStream (api, heir, path, options, player) {
  const { WriteStream } = api
  switch (heir.form) {
    case 'new': return new WriteStream(path, options)
    case 'no new': return WriteStream(path, options)
    case 'empty class': return new (class extends WriteStream {})(path, options)
    case 'apply': return new (applied(WriteStream))(path, options)
    case 'class': return new (extended(WriteStream, heir.overrides, player))(path, options)
    case 'options': addMethods(options, WriteStream, heir.overrides, player)
  }
  return api.createWriteStream(path, options)
}

/**
 * A custom fs whose functions are Node's own, behind a log.
 * @param {string[]} names
 * @param {import('./play.js').Player} player
 */
function customFs (names, player) {
  const custom = { ...fs }
  for (const name of names) {
    custom[name] = function (...args) {
      player.log(`fs.${name}`, [args.length])
      return fs[name](...args)
    }
  }
  return custom
}

module.exports = { makeStream, overriding, customFs }

'use strict'

// What a program writes to, and the options that it gives.

const fs = require('node:fs')
const { pathToFileURL } = require('node:url')
const stages = require('./stages.js')
const { customFs } = require('./subclasses.js')

/** What is in a file that exists. */
const BASE = Buffer.from('0123456789ABCDEFGHIJ')

/** A descriptor that is never open. */
const NO_FD = 1_000_000

const { O_APPEND, O_CREAT, O_RDWR, O_TRUNC, O_WRONLY } = fs.constants
const FLAGS = {
  'numeric w': O_TRUNC | O_CREAT | O_WRONLY,
  'numeric a': O_APPEND | O_CREAT | O_WRONLY,
  'numeric r+': O_RDWR
}

/**
 * Makes the target of a player's program.
 * @param {import('./play.js').Player} player
 * @returns {Promise<[unknown, object]>} path and options for createWriteStream
 */
async function prepare (player) {
  const { kind, exists, opened, as } = player.program.target
  const options = makeOptions(player)
  stages.prepare(player, options)
  if (exists) fs.writeFileSync(player.path, BASE)
  switch (kind) {
    case '/dev/full':
      // By a link: a program may remove or rename what it writes to.
      fs.symlinkSync('/dev/full', player.path)
      break
    case 'folder': fs.mkdirSync(player.path); break
    case 'missing': player.path = player.folder.of('missing/file'); break
    case 'no fd': return ['/ignored', { ...options, fd: NO_FD }]
    case 'fd':
    case 'handle':
      if (!exists) fs.writeFileSync(player.path, '')
      if (kind === 'fd') player.fd = fs.openSync(player.path, opened)
      else player.handle = await fs.promises.open(player.path, opened)
      return ['/ignored', { ...options, fd: player.fd ?? player.handle }]
  }
  return [{ Buffer: Buffer.from(player.path), URL: pathToFileURL(player.path) }[as] ?? player.path, options]
}

function makeOptions (player) {
  const options = {}
  for (const [name, value] of Object.entries(player.program.options)) if (value !== 'none' && value !== 'default') options[name] = value
  if (options.flags in FLAGS) options.flags = FLAGS[options.flags]
  if (options.signal) options.signal = options.signal === 'aborted' ? AbortSignal.abort() : player.controller.signal
  if (options.fs) options.fs = customFs(options.fs, player)
  return options
}

/** @returns {Buffer} what was in the file before */
const baseOf = ({ target }) => target.exists ? BASE : Buffer.alloc(0)

module.exports = { prepare, baseOf }

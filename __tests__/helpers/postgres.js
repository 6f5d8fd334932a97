'use strict'

// A PostgreSQL server of a test's own.

const { execFileSync, spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const readline = require('node:readline')

/** Where Debian has them: not in the path. */
const FOLDER = '/usr/lib/postgresql'

/** The folder of `postgres` and `initdb`, or undefined. */
function findPostgres () {
  const versions = fs.existsSync(FOLDER) ? fs.readdirSync(FOLDER).map(version => path.join(FOLDER, version, 'bin')) : []
  return [...process.env.PATH.split(path.delimiter), ...versions]
    .find(folder => ['postgres', 'initdb'].every(name => fs.existsSync(path.join(folder, name))))
}

/** Whom the server runs as: it refuses to be root. */
function owner () {
  if (process.getuid() !== 0) return {}
  const [uid, gid] = ['-u', '-g'].map(flag => Number(execFileSync('id', [flag, 'nobody'])))
  return { uid, gid }
}

/**
 * Starts a server that listens to a socket in a folder of its own.
 * @param {string} bin where `postgres` is
 * @returns {Promise<{ settings: object, stop: () => Promise<void> }>} `settings` for pg's Client
 */
async function startPostgres (bin) {
  // Short, as the path of a socket must be.
  const folder = fs.mkdtempSync('/tmp/spillway-pg-')
  const user = owner()
  if (user.uid !== undefined) fs.chownSync(folder, user.uid, user.gid)
  const options = { cwd: folder, ...user }
  const data = path.join(folder, 'data')
  execFileSync(path.join(bin, 'initdb'), ['-D', data, '-U', 'tester', '--auth=trust', '--no-sync', '-E', 'UTF8'], { ...options, stdio: 'ignore' })
  const server = spawn(path.join(bin, 'postgres'), ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-F'], { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(server, 'close')
  const stop = async () => {
    server.kill('SIGINT')
    await ended
    fs.rmSync(folder, { recursive: true, force: true })
  }
  for await (const line of readline.createInterface(server.stderr)) {
    if (line.includes('ready to accept connections')) {
      // Its later lines are nobody's.
      server.stderr.resume()
      return { settings: { host: folder, user: 'tester', database: 'postgres' }, stop }
    }
  }
  await stop()
  throw new Error('postgres has not started')
}

/**
 * Declares tests of a server that runs meanwhile, if there is one to run.
 * @param {(settings: () => object) => void} declare gets what gives the settings for pg's Client
 */
function withPostgres (declare) {
  const bin = findPostgres()
  if (bin === undefined) return test.skip('needs postgres and initdb, which are not found here', () => {})
  let server
  beforeAll(async () => { server = await startPostgres(bin) })
  afterAll(() => server?.stop())
  declare(() => server.settings)
}

module.exports = { withPostgres }

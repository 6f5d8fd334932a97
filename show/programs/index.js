'use strict'

// The programs, in the order of their buttons. One that makes no sense on this system says why.

const { spawnSync } = require('node:child_process')
const { choices } = require('../knobs.js')

const programs = [
  require('./ignores-false.js'),
  require('./waits-for-drain.js'),
  require('./pipe.js'),
  require('./line-a-turn.js'),
  require('./full-disk.js'),
  require('./reader-stops.js'),
  require('./process-exit.js')
]

/** The limit on the size of a file is changed from outside, which Linux alone has a call for. */
const hasDisk = process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0

const find = name => programs.find(program => program.name === name)

/** @returns {string | null} why this program can't run here */
const missing = program => program.disk && !hasDisk ? 'needs Linux and the command prlimit' : null

/** What the page must know of each. */
function describe () {
  return programs.map(program => ({
    name: program.name,
    title: program.title,
    seen: program.seen,
    code: String(program.run),
    knobs: program.knobs,
    choices: choices(program),
    missing: missing(program)
  }))
}

module.exports = { find, missing, describe }

'use strict'

// Installs the packages of a folder that has a package-lock.json of its own, unless just these are there already:
// what a few tests or figures alone need is not in everybody's `npm install`.
//
//   node scripts/install.js __tests__/recipes
//
// Such a folder of tests has a `setup.js`, which jest calls once, before its workers start, and only if one of the
// folder's tests will be run. Each has its own: jest calls a file once, whatever the number of folders that name it.

const { execSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

/** @param {string} folder */
function install (folder) {
  const lock = fs.readFileSync(path.join(folder, 'package-lock.json'))
  // npm empties node_modules before it begins. So this file says that npm came to its end.
  const installed = path.join(folder, 'node_modules', '.installed')
  if (fs.existsSync(installed) && fs.readFileSync(installed).equals(lock)) return
  execSync(`npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --prefix "${folder}"`, { stdio: ['ignore', 2, 2] })
  fs.writeFileSync(installed, lock)
}

/** The tests that miss a package fail, and say which. The others can run without a network. */
function setUp (folder) {
  try {
    install(folder)
  } catch {
    console.error(`The packages of ${folder} could not be installed.`)
  }
}

if (require.main === module) for (const folder of process.argv.slice(2)) install(path.resolve(folder))

module.exports = { setUp }

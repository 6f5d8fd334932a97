'use strict'

// Installs the packages of a folder that has a package-lock.json of its own, unless just these are there already:
// what a few tests or figures alone need is not in everybody's `npm install`.
//
//   node scripts/install.js __tests__/recipes
//
// It is jest's `globalSetup` of such a folder, too: jest calls it once, before its workers start, and only if
// one of the folder's tests will be run.

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

if (require.main === module) for (const folder of process.argv.slice(2)) install(path.resolve(folder))

/** The tests that miss a package fail, and say which. The others can run without a network. */
module.exports = function setUp (_, { rootDir }) {
  try {
    install(rootDir)
  } catch {
    console.error(`The packages of ${rootDir} could not be installed.`)
  }
}

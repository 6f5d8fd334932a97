'use strict'

// Installs the packages of a folder that has a package-lock.json of its own, unless just these are there already:
// what a few tests or figures alone need is not in everybody's `npm install`.
//
//   node scripts/install.js __tests__/recipes

const { execSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

/** @param {string} folder @param {'inherit' | 'pipe'} stdio npm's */
function install (folder, stdio) {
  const lock = fs.readFileSync(path.join(folder, 'package-lock.json'))
  // npm empties node_modules before it begins, so that this stands for all of it.
  const installed = path.join(folder, 'node_modules', '.installed')
  if (fs.existsSync(installed) && fs.readFileSync(installed).equals(lock)) return
  execSync(`npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --prefix "${folder}"`, { stdio: ['ignore', stdio, stdio] })
  fs.writeFileSync(installed, lock)
}

if (require.main === module) for (const folder of process.argv.slice(2)) install(path.resolve(folder), 'inherit')

module.exports = { install }

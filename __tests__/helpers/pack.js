'use strict'

// The packages as npm would publish them.

const { execSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { name: MAIN_PACKAGE, napi: { binaryName, packageName } } = require('../../package.json')

const ROOT = path.join(__dirname, '..', '..')
const MODULES = path.join(ROOT, 'node_modules')

const isMusl = process.platform === 'linux' && process.report.getReport().header.glibcVersionRuntime === undefined
const MACHINES = { x64: 'x86_64', arm64: 'aarch64' }
const SYSTEMS = { linux: isMusl ? 'unknown-linux-musl' : 'unknown-linux-gnu', darwin: 'apple-darwin', win32: 'pc-windows-msvc' }
const ABIS = { linux: isMusl ? '-musl' : '-gnu', darwin: '', win32: '-msvc' }

/** This platform, as Rust and as npm's packages name it. */
const TARGET = `${MACHINES[process.arch]}-${SYSTEMS[process.platform]}`
const PLATFORM = `${process.platform}-${process.arch}${ABIS[process.platform]}`
const PLATFORM_PACKAGE = `${packageName}-${PLATFORM}`
const ADDON = `${binaryName}.${PLATFORM}.node`
/** As it is released, or else as it was built on this machine. */
const addon = [path.join(ROOT, 'artifacts', ADDON), path.join(ROOT, ADDON)].find(file => fs.existsSync(file))

function npm (command, cwd) {
  return execSync(`npm ${command}`, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/**
 * Packs into `folder`, as .github/workflows/release.yml does it, but for this platform alone: npm run pack:platforms, npm pack.
 * @returns {{ main: string, platform: string }} the tarballs
 */
function pack (folder) {
  execSync(`tar xzf ${npm(`pack --silent --pack-destination ${folder}`, ROOT).trim()}`, { cwd: folder })
  const staged = path.join(folder, 'package')
  // What is released is made in a clone where nothing was built.
  fs.rmSync(path.join(staged, ADDON), { force: true })
  const manifest = path.join(staged, 'package.json')
  const content = JSON.parse(fs.readFileSync(manifest))
  content.napi.targets = [TARGET]
  fs.writeFileSync(manifest, JSON.stringify(content))
  fs.mkdirSync(path.join(staged, 'artifacts'))
  fs.copyFileSync(addon, path.join(staged, 'artifacts', ADDON))
  // Where npm run looks for what the scripts name.
  const env = { ...process.env, PATH: `${path.join(MODULES, '.bin')}${path.delimiter}${process.env.PATH}` }
  execSync('npm run pack:platforms', { cwd: staged, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [main, platform] = npm(`pack --silent --ignore-scripts --pack-destination ${folder} . ./npm/*`, staged).trim().split('\n')
  return { main: path.join(folder, main), platform: path.join(folder, platform) }
}

module.exports = { npm, pack, addon, MAIN_PACKAGE, PLATFORM_PACKAGE }

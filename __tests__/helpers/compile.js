'use strict'

// Shared libraries of a few lines of C, for what JavaScript alone can't do.

const { execFileSync, spawnSync } = require('node:child_process')

const hasCompiler = process.platform !== 'win32' && spawnSync('cc', ['--version']).status === 0

/** `test`, which is skipped where there is no C compiler. */
const testWithCompiler = hasCompiler ? test : test.skip

/** An addon leaves it to Node to find its functions. */
const UNDEFINED = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []

/** Makes the shared library at `path` of C's `source`. */
function compile (source, path) {
  execFileSync('cc', ['-shared', '-fPIC', ...UNDEFINED, '-x', 'c', '-', '-o', path], { input: source })
  return path
}

module.exports = { hasCompiler, testWithCompiler, compile }

'use strict'

// Scripts that run in a process of their own, with stock or with ours.

const { execFile } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const ROOT = path.join(__dirname, '..', '..')
const MODULES = { stock: 'node:fs', spillway: ROOT }

/** Less than jest's own, in milliseconds: a test that fails leaves no process behind. */
const TIMEOUT = 55_000

/**
 * Runs `script`, which sees `createWriteStream`, `fs`, `file` (a path in a
 * folder of its own) and whatever `values` holds, as a Node program.
 * @param {'stock' | 'spillway'} which
 * @param {string | Function} script
 * @param {object} [options] { values, prefix: a command that runs it, or a function that makes one for `file`,
 *   args: for node, name: of `file`,
 *   packages: whether it may require ours and all that we have installed, by name }
 * @returns {Promise<{ code: number | string | null, stdout: string, stderr: string, content: Buffer | null }>}
 */
async function runScript (which, script, { values = {}, prefix = [], args = [], name = 'file', packages = false } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-'))
  try {
    const home = packages ? install(folder) : folder
    const file = path.join(home, name)
    const given = { file, module: MODULES[which], ...values }
    const body = typeof script === 'function' ? `(${script})(given)` : script
    const program = path.join(home, 'program.js')
    fs.writeFileSync(program, `
      const given = ${JSON.stringify(given)}
      const { file } = given
      const fs = require('node:fs')
      const { createWriteStream } = require(given.module)
      ${body}`)
    const runner = typeof prefix === 'function' ? prefix(file) : prefix
    const [command, ...rest] = [...runner, process.execPath, ...args, program]
    const { code, stdout, stderr } = await new Promise(resolve => {
      execFile(command, rest, { encoding: 'utf8', maxBuffer: 1 << 26, timeout: TIMEOUT, killSignal: 'SIGKILL', cwd: packages ? home : undefined }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : error.code ?? error.signal, stdout, stderr })
      })
    })
    return { code, stdout, stderr, content: fs.existsSync(file) ? fs.readFileSync(file) : null }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * As if a user had installed us beside other packages: those of this project, and those of the recipes.
 * @returns {string} the user's folder, within `folder`
 */
function install (folder) {
  const home = path.join(folder, 'recipes', 'home')
  fs.mkdirSync(path.join(home, 'node_modules'), { recursive: true })
  fs.symlinkSync(ROOT, path.join(home, 'node_modules', 'spillway'))
  fs.symlinkSync(path.join(ROOT, '__tests__', 'recipes', 'node_modules'), path.join(folder, 'recipes', 'node_modules'))
  fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'))
  return home
}

module.exports = { runScript }

'use strict'

// What all examples share, so that each shows only its own way of writing:
// arguments, a temporary file that never stays behind, and the closing line.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

/**
 * Runs an example with the arguments of the command line and prints its closing line.
 *
 * @param {(input: string, destination: string) => Promise<string | undefined>} example resolves with
 *   its facts, to be printed; undefined: it has printed what there is to say
 * @param {string | number} [input] what argv[2] is when it is not given: by default the Node executable
 */
async function run (example, input = process.execPath) {
  const name = path.basename(process.argv[1])
  try {
    const destination = process.argv[3] ?? path.join(temporaryFolder(), name.replace('.js', '.out'))
    const facts = await example(argument(input), destination)
    if (facts !== undefined) console.log(`${name}: ${facts}; peak memory ${peakMemory()} MiB`)
  } catch (error) {
    console.error(`${name}: ${error.message}`)
    process.exitCode = 1
  }
}

/** What the command line has in the place of `input`: a count, if that is one. */
function argument (input) {
  const given = process.argv[2]
  if (given === undefined || typeof input !== 'number') return given ?? input
  if (!/^\d+$/.test(given)) throw new Error(`the count must be a whole number, not '${given}'`)
  return Number(given)
}

/** A folder that is removed however the process ends, be it by Ctrl-C. */
function temporaryFolder () {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => process.exit(128 + os.constants.signals[signal]))
  }
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-example-'))
  // Retries, because the file may be opened in this very moment.
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}

/** The most memory the process had so far, in MiB. Linux starts the count with the memory of who started it. */
function peakMemory () {
  return Math.round(process.resourceUsage().maxRSS / 1024)
}

module.exports = { run, peakMemory }

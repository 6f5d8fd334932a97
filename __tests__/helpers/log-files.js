'use strict'

// The files of a log that rotates.

const fs = require('node:fs')
const path = require('node:path')
const { gunzipSync } = require('node:zlib')

/** The name of a closed file while it is not compressed. */
const plainName = name => name.replace(/\.(gz|zst)$/, '')

const numbersOf = name => (plainName(name).match(/\d+/g) ?? []).map(Number)

function compare (one, other) {
  const [numbers, others] = [one, other].map(numbersOf)
  const at = numbers.findIndex((number, index) => number !== others[index])
  return at < 0 ? numbers.length - others.length : numbers[at] - (others[at] ?? 0)
}

/** The names of the files in `folder`, the oldest first: last comes the one that is written, of the name `active`. */
function inOrder (folder, active) {
  const names = fs.readdirSync(folder)
  const closed = names.filter(name => name !== active && /\d/.test(name)).sort(compare)
  return names.includes(active) ? [...closed, active] : closed
}

/**
 * What is in the lines of all files.
 * @param {RegExp} pattern of a line, with a group for its number
 * @returns {{ numbers: number[], files: string[] }} NaN for what is no whole line
 */
function linesOf (folder, active, pattern) {
  while (true) {
    try {
      return readLines(folder, active, pattern)
    } catch (error) {
      // One was compressed and removed meanwhile.
      if (error.code !== 'ENOENT') throw error
    }
  }
}

function readLines (folder, active, pattern) {
  const all = inOrder(folder, active)
  // The process may have ended before the plain file was removed.
  const files = all.filter(name => !all.includes(`${name}.gz`))
  const numbers = files.flatMap(name => {
    const bytes = fs.readFileSync(path.join(folder, name))
    const lines = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().split('\n')
    if (lines.pop() !== '') return [NaN]
    return lines.map(line => Number(pattern.exec(line)?.[1]))
  })
  return { numbers, files }
}

module.exports = { inOrder, linesOf, plainName }

'use strict'

// The files of a log that rotates.

const fs = require('node:fs')

const numbersOf = name => (name.replace(/\.(gz|zst)$/, '').match(/\d+/g) ?? []).map(Number)

function compare (one, other) {
  const [numbers, others] = [one, other].map(numbersOf)
  const at = numbers.findIndex((number, index) => number !== others[index])
  return at < 0 ? 0 : numbers[at] - (others[at] ?? 0)
}

/** The names of the files in `folder`, the oldest first: last comes the one that is written, of the name `active`. */
function inOrder (folder, active) {
  const names = fs.readdirSync(folder)
  const closed = names.filter(name => name !== active && /\d/.test(name)).sort(compare)
  return names.includes(active) ? [...closed, active] : closed
}

module.exports = { inOrder }

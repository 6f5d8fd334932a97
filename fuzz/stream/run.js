'use strict'

// node fuzz/stream/run.js [SECONDS] [--seed N] [--programs N] [--jobs N] [--package PATH] [--shrink N]
//
// Draws random programs and plays each on Node's fs.createWriteStream and on
// spillway's. What differs is printed and shrunk; exit code 1 then.
//
//   --seed N        program number i is drawn with the seed N + i: a difference
//                   prints its own, which with --programs 1 is that program alone
//   --programs N    ends after as many; without SECONDS or this after a minute
//   --jobs N        so many processes play, 2 if it is not given
//   --package PATH  what is compared with stock: spillway, or `node:fs` to see
//                   whether stock is the same as itself
//   --shrink N      so many differences are shrunk, 3 if it is not given; the others are told in a line

const path = require('node:path')

const ROOT = path.join(__dirname, '../..')
const packageOf = ({ package: name = ROOT }) => [name.startsWith('node:') ? name : path.resolve(name)]

require('../main.js')(require.resolve('./judge.js'), packageOf, { package: { type: 'string' } })

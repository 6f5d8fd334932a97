'use strict'

// node fuzz/rotation/run.js [SECONDS] [--seed N] [--programs N] [--jobs N] [--shrink N]
//
// Draws random programs of streams that write to one log, one after another, while
// it rotates. What does not hold of its files is printed and shrunk; exit code 1 then.
//
//   --seed N      program number i is drawn with the seed N + i: what is told
//                 prints its own, which with --programs 1 is that program alone
//   --programs N  ends after as many; without SECONDS or this after a minute
//   --jobs N      so many processes play, 2 if it is not given
//   --shrink N    so many are shrunk, 3 if it is not given; the others are told in a line

require('../main.js')(require.resolve('./judge.js'))

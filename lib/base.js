'use strict'

// Node's own fs.WriteStream, also where another copy of this package has put a class of its own in its place.

const fs = require('node:fs')

/** Where a class of ours has Node's. */
const kBase = Symbol.for('spillway.base')

module.exports = { Base: fs.WriteStream[kBase] ?? fs.WriteStream, kBase }

'use strict'

// For `node -r`: whoever requires the package gets Node's own streams.

const fs = require('node:fs')
const Module = require('node:module')

const filename = require.resolve('../..')
const stock = new Module(filename)
stock.exports = { createWriteStream: fs.createWriteStream, WriteStream: fs.WriteStream }
stock.loaded = true
require.cache[filename] = stock

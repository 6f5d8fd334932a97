'use strict'

const fs = require('node:fs')
const { pipeline } = require('node:stream/promises')
const { PIPES, SOURCE } = require('../producers.js')

module.exports = {
  title: 'pipeline from fs.createReadStream',
  ...SOURCE,
  peers: PIPES,
  run: (out, { reader, source }) => pipeline(fs.createReadStream(source, reader), out)
}

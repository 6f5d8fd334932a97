'use strict'

const fs = require('node:fs')
const { PIPES, SOURCE } = require('../producers.js')

module.exports = {
  title: 'pipe from fs.createReadStream',
  ...SOURCE,
  peers: [...PIPES, 'nothing', 'cp'],
  run: (out, { reader, source }) => fs.createReadStream(source, reader).pipe(out)
}

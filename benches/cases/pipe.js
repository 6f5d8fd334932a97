'use strict'

const fs = require('node:fs')
const { ALL, SOURCE } = require('../producers.js')

module.exports = {
  title: 'pipe from fs.createReadStream',
  ...SOURCE,
  peers: [...ALL, 'nothing', 'dd'],
  run: (out, { source }) => fs.createReadStream(source).pipe(out)
}

'use strict'

const fs = require('node:fs')
const { ALL } = require('../producers.js')

module.exports = {
  title: 'pipe from fs.createReadStream',
  period: Buffer.alloc(64 * 1024, 'spillway '),
  count: 6400,
  readsSource: true,
  peers: [...ALL, 'nothing'],
  run: (out, { source }) => fs.createReadStream(source).pipe(out)
}

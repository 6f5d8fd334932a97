'use strict'

const { once } = require('node:events')
const fs = require('node:fs')
const { ALL, SOURCE } = require('../producers.js')

module.exports = {
  title: 'for await over a read stream',
  ...SOURCE,
  peers: [...ALL, 'nothing'],
  async run (out, { source }) {
    for await (const chunk of fs.createReadStream(source)) {
      if (!out.write(chunk)) await once(out, 'drain')
    }
    out.end()
  }
}

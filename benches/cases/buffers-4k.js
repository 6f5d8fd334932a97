'use strict'

const { ALL, repeat } = require('../producers.js')

module.exports = repeat(Buffer.alloc(4 * 1024, 'spillway '), 150000, { title: 'Buffers of 4 KiB', peers: ALL })

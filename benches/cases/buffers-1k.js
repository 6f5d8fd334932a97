'use strict'

const { ALL, repeat } = require('../producers.js')

module.exports = repeat(Buffer.alloc(1 * 1024, 'spillway '), 600000, { title: 'Buffers of 1 KiB', peers: ALL })

'use strict'

const { turns } = require('../producers.js')

module.exports = turns(10, 2_000_000, 'ten lines a turn of the event loop')

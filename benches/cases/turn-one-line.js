'use strict'

const { turns } = require('../producers.js')

module.exports = turns(1, 400_000, 'one line a turn of the event loop')

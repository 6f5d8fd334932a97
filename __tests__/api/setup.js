'use strict'

const { setUp } = require('../../scripts/install.js')

module.exports = () => setUp(__dirname)

'use strict'

// Checks of what a user gives for an option: the errors are Node's. `name` is that of the option.

const errors = require('./errors.js')

function number (name, value) {
  if (typeof value !== 'number') throw errors.invalidType(`options.${name}`, 'of type number', value)
}

function boolean (name, value) {
  if (typeof value !== 'boolean') throw errors.invalidType(`options.${name}`, 'of type boolean', value)
}

/** @returns {number} `value` */
function integer (name, value, least, most) {
  number(name, value)
  if (!Number.isInteger(value) || value < least || value > most) throw errors.outOfRange(`options.${name}`, `an integer >= ${least} && <= ${most}`, value)
  return value
}

module.exports = { boolean, integer, number }

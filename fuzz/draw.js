'use strict'

// What programs are drawn by, of whatever kind they are.

const fc = require('fast-check')

/** @param {...[number, fc.Arbitrary<unknown> | unknown]} choices each with its weight; the first is the simplest */
function oneOf (...choices) {
  return fc.oneof({ withCrossShrink: true }, ...choices.map(([weight, choice]) => ({ weight, arbitrary: toArbitrary(choice) })))
}

function toArbitrary (choice) {
  return typeof choice?.generate === 'function' ? choice : fc.constant(choice)
}

const among = (...values) => fc.constantFrom(...values)
const between = (min, max) => fc.integer({ min, max })
/** A step, with what else is to be known of it. */
const does = (name, more = {}) => fc.record({ do: fc.constant(name), ...more })

module.exports = { among, between, does, oneOf }

'use strict'

// The knobs of a run: what they may be, and how they are read from a query.

const KIB = 1024
const MIB = 1024 * KIB

/** Every value that a knob may have. A page that asks for another gets an error. */
const KNOBS = {
  mark: ['default', 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB],
  chunk: [100, KIB, 4 * KIB, 16 * KIB, 64 * KIB, MIB],
  speed: ['disk', MIB, 2 * MIB, 4 * MIB, 8 * MIB, 16 * MIB, 64 * MIB],
  limit: ['none', 'block']
}

/** The values of each knob with which `program` makes sense. */
function choices (program) {
  return { ...KNOBS, speed: KNOBS.speed.filter(speed => program.speeds(speed)) }
}

/**
 * @param {object} program
 * @param {URLSearchParams} query
 * @returns {{ mark: number | 'default', chunk: number, speed: number | 'disk', limit: string }}
 * @throws {RangeError} if a value is none of the knob's
 */
function readKnobs (program, query) {
  return Object.fromEntries(Object.entries(choices(program)).map(([name, values]) => {
    const given = query.get(name) ?? String(program.knobs[name])
    const value = values.find(value => String(value) === given)
    if (value === undefined) throw new RangeError(`${name} must be one of ${values.join(', ')}`)
    return [name, value]
  }))
}

module.exports = { choices, readKnobs }

'use strict'

// The names of closed files: what a user says about them, as Rust takes it.

const path = require('node:path')
const errors = require('./errors.js')

/** What stands for what in a pattern. */
const PARTS = {
  Y: (time, get) => get('FullYear'),
  m: (time, get) => get('Month') + 1,
  d: (time, get) => get('Date'),
  H: (time, get) => get('Hours'),
  M: (time, get) => get('Minutes'),
  S: (time, get) => get('Seconds')
}

/** Two times and two numbers that have no part in common. */
const SAMPLES = [[new Date(2011, 0, 2, 3, 4, 5), 7], [new Date(2038, 10, 28, 17, 39, 48), 1234567]]

class ClosedNames {
  /**
   * @param {string | ((time: Date, index: number) => string)} given as `options.rotate.name`
   * @param {string} active the name of the file that is written
   * @param {boolean} utc
   */
  constructor (given, active, utc) {
    this.given = given
    this.active = active
    const name = typeof given === 'function' ? given : toFunction(given ?? defaultPattern(active), utc)
    this.name = (time, index) => this.check(name(time, index))
    this.formAt(SAMPLES[0][0])
  }

  refuse (reason) {
    throw errors.invalidOption('rotate.name', this.given, reason)
  }

  check (name) {
    if (typeof name !== 'string' || name === '' || /[/\\\0]/.test(name) || name === this.active) this.refuse('must give a name of its own in the same folder')
    if (/\.(gz|zst)$/.test(name)) this.refuse('must not end in .gz or .zst: that is put behind it')
    return name
  }

  /**
   * What stands before and behind the number of a file.
   * @returns {{ before: string, after: string, digits: number, isFirstBare: boolean }}
   */
  formAt (time) {
    const [few, many] = [7, 1234567].map(index => this.name(time, index))
    if (few === many) {
      const after = path.extname(few)
      return { before: few.slice(0, few.length - after.length), after, digits: 1, isFirstBare: true }
    }
    const at = many.lastIndexOf('1234567')
    const [before, after] = [many.slice(0, at), many.slice(at + 7)]
    const number = few.slice(before.length, few.length - after.length)
    const isNumbered = at >= 0 && /^0*7$/.test(number) && few === before + number + after &&
      this.name(time, 89) === before + '89'.padStart(number.length, '0') + after
    if (!isNumbered) this.refuse('must have the index in decimal digits, or not at all')
    return { before, after, digits: number.length, isFirstBare: false }
  }

  /**
   * By which closed files are known again: what stands between the numbers in their names.
   * @returns {string[][]} one for each form
   */
  family () {
    const forms = SAMPLES.map(([time, index]) => ({ ...this.formAt(time), index }))
    const families = [forms.map(({ before, after, digits, isFirstBare, index }) => before + (isFirstBare ? '' : String(index).padStart(digits, '0')) + after)]
    if (forms[0].isFirstBare) families.push(forms.map(({ before, after, index }) => `${before}.${index}${after}`))
    return families.map(names => this.textsBetween(...names))
  }

  textsBetween (one, other) {
    const [parts, others] = [one, other].map(name => name.split(/(\d+)/))
    const isNumber = at => at % 2 === 1
    if (parts.length !== others.length || parts.some((part, at) => !isNumber(at) && part !== others[at])) {
      this.refuse('must tell the time by numbers, for closed files to be known again')
    }
    const texts = ['']
    parts.forEach((part, at) => {
      if (isNumber(at) && part !== others[at]) texts.push('')
      else texts[texts.length - 1] += part
    })
    return texts
  }
}

/** `app.log` becomes `app-2026-11-24.1.log`. */
function defaultPattern (active) {
  const { name, ext } = path.parse(active)
  const literal = text => text.replaceAll('%', '%%')
  return `${literal(name)}-%Y-%m-%d.%i${literal(ext)}`
}

function toFunction (pattern, utc) {
  if (typeof pattern !== 'string') throw errors.invalidType('options.rotate.name', 'of type string or function', pattern)
  const unknown = /%(?![YmdHMSi])/.exec(pattern.replaceAll('%%', ''))
  if (unknown !== null) throw errors.invalidOption('rotate.name', pattern, 'may have %Y, %m, %d, %H, %M, %S, %i and %%')
  return (time, index) => pattern.replace(/%(.)/g, (_, letter) => {
    if (letter === '%') return '%'
    if (letter === 'i') return String(index)
    const number = PARTS[letter](time, part => time[`get${utc ? 'UTC' : ''}${part}`]())
    return String(number).padStart(2, '0')
  })
}

module.exports = ClosedNames

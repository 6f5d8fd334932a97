'use strict'

// Options that Node refuses are refused by Node: the same code, name and message.

const { sameAsStock, closed } = require('../helpers/same-as-stock.js')

const VALUES = {
  '5n': 5n,
  NaN,
  '-1': -1,
  '-0': -0,
  0: 0,
  1.5: 1.5,
  "'5'": '5',
  "''": '',
  Infinity,
  '2 ** 53': 2 ** 53,
  '-5n': -5n,
  true: true,
  false: false,
  null: null,
  undefined,
  '[]': [],
  '{}': {},
  'a function': () => {},
  'a symbol': Symbol('mine')
}

// Not `objectMode`, nor names like `write`: what they make of a stream is no error.
const NAMES = ['highWaterMark', 'encoding', 'defaultEncoding', 'flags', 'mode', 'start', 'fd', 'fs', 'signal', 'flush', 'autoClose', 'emitClose', 'decodeStrings']

/** Descriptors that are there, as 0 is stdin; and others for which an assertion of Node's ends the process; and a mode that Node takes for its callback. */
const LEFT_OUT = new Set(['fd 0', 'fd -0', 'mode -0', 'mode a function', ...['NaN', '-1', '-0', '1.5', 'Infinity', '2 ** 53'].map(value => `flags ${value}`)])

/** The error that `options` bring, at once or as an event; and what is in the file if there is none. */
async function use (run, ...args) {
  const out = run.call('create', () => run.WriteStream && run.watch(run.createWriteStream(...args)))
  if (out === undefined) return
  run.ignoreBytes({ andLevel: true })
  run.call('write', () => out.write('text', run.callback('write')))
  run.call('end', () => { out.end() })
  // There may be no 'close' to wait for.
  if (!out._writableState.emitClose || !out.autoClose) await new Promise(resolve => out.once('finish', resolve).once('error', resolve))
  else await closed(out)
}

describe.each(NAMES)('%s', name => {
  for (const [shown, value] of Object.entries(VALUES)) {
    if (LEFT_OUT.has(`${name} ${shown}`)) continue
    sameAsStock(shown, run => use(run, run.path, { [name]: value }))
  }
})

describe('the options themselves', () => {
  for (const [shown, value] of Object.entries({ ...VALUES, "'utf8'": 'utf8', "'UTF-8'": 'UTF-8', "'bad'": 'bad' })) {
    sameAsStock(shown, run => use(run, run.path, value))
  }
})

describe('the path', () => {
  for (const [shown, value] of Object.entries({ ...VALUES, 'one with a NUL': 'a\0b', 'a URL that is no file': new URL('https://localhost/file') })) {
    // A string is a path, and would make a file here.
    if (typeof value === 'string' && value !== '' && !value.includes('\0')) continue
    sameAsStock(shown, run => use(run, value))
  }
})

describe('several at once: which one is told', () => {
  const BAD = { highWaterMark: 5n, encoding: 'bad', start: 'a', fs: 3, signal: 4, flush: 5 }
  const names = Object.keys(BAD)
  for (const first of names) {
    for (const second of names) {
      if (first < second) sameAsStock(`${first} and ${second}`, run => use(run, run.path, { [first]: BAD[first], [second]: BAD[second] }))
    }
  }
})

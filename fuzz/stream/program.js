'use strict'

// Draws programs: plain JSON, so that one that shows a difference can be read,
// shrunk and played again. What each step does is told in actions.js.

const fc = require('fast-check')
const { among, oneOf } = require('../draw.js')
const chunks = require('./chunks.js')

const upTo = max => fc.integer({ min: 0, max })
/** True in about one of `times` draws. */
const rarely = times => fc.integer({ min: 0, max: times - 1 }).map(number => number === times - 1)

const size = oneOf(
  [600, upTo(40)],
  [150, among(0, 1, 15, 16, 17, 99, 100, 101)],
  [40, among(16383, 16384, 16385, 65535, 65536, 65537, 70000)],
  [20, fc.integer({ min: 1000, max: 70000 })],
  [1, fc.integer({ min: 100_000, max: 3 * 1024 * 1024 })]
)

const SOUND_KINDS = ['string', 'Buffer', 'Uint8Array', 'wide string', 'hex string', 'part of a Buffer', 'Uint16Array', 'DataView',
  'Float64Array', 'Uint8ClampedArray']
const UNSOUND_KINDS = chunks.KINDS.filter(kind => !SOUND_KINDS.includes(kind))

const kind = oneOf([20, among('string', 'Buffer')], [20, among(...SOUND_KINDS)], [1, among(...UNSOUND_KINDS)])
const chunk = fc.record({ kind, size })
const soundEncoding = among('utf8', 'UTF-8', 'latin1', 'ucs2', 'utf16le', 'base64', 'base64url', 'hex', 'ascii', 'binary')
const unsoundEncoding = among('buffer', '', 'klingon', null, 7)
/** 'none' is for no argument at all. */
const encoding = oneOf([20, 'none'], [10, soundEncoding], [1, unsoundEncoding])
const error = among('none', 'mine', 'null')

/** What keeps a stream busy. */
const work = oneOf(
  [60, fc.record({ do: fc.constant('write'), chunk, encoding })],
  [10, { do: 'cork' }],
  [14, { do: 'uncork' }],
  [3, fc.record({ do: fc.constant('setDefaultEncoding'), encoding: oneOf([10, soundEncoding], [1, unsoundEncoding]) })],
  [8, fc.record({ do: fc.constant('writes'), chunk, count: oneOf([6, upTo(20)], [1, upTo(400)]) })],
  [5, fc.record({ do: fc.constant('look'), at: among('exists', 'size', 'content', 'keys', 'listeners') })],
  [3, fc.record({ do: fc.constant('change'), how: among('rename', 'unlink', 'truncate', 'header') })],
  [1, { do: 'throw' }],
  [2, fc.record({ do: fc.constant('patch'), method: among('write', 'end', 'emit', 'destroy', '_write', '_writev', '_destroy') })],
  [2, fc.record({ do: fc.constant('addAbortSignal'), isAborted: fc.constant(false) })],
  [3, fc.record({ do: fc.constant('sync'), how: among('sync', 'datasync') })],
  [1, { do: 'close behind' }]
)

/** What ends it, in one way or another. */
const ending = oneOf(
  [8, fc.record({ do: fc.constant('end') })],
  [8, fc.record({ do: fc.constant('end'), chunk, encoding })],
  [3, { do: 'end as prefix' }],
  [8, fc.record({ do: fc.constant('destroy'), error })],
  [2, { do: 'destroySoon' }],
  [3, { do: 'abort' }],
  [1, fc.record({ do: fc.constant('addAbortSignal'), isAborted: fc.constant(true) })],
  [2, { do: 'asyncDispose' }],
  [1, fc.record({ do: fc.constant('set'), name: fc.constant('autoClose'), value: fc.boolean() })]
)

/** Actions of a source that flows into the stream. */
const flow = oneOf(
  [5, fc.record({ do: fc.constant('pipe'), from: oneOf([4, 'PassThrough'], [1, 'ReadStream']), size: among(0, 5, 40, 100, 20_000), end: fc.boolean() })],
  [6, fc.record({ do: fc.constant('feed'), size })],
  [2, { do: 'unpipe' }],
  [2, { do: 'pause source' }],
  [2, { do: 'resume source' }],
  [3, { do: 'end source' }],
  [1, fc.record({ do: fc.constant('destroy source'), error: among('none', 'mine') })]
)

const sources = fc.record({
  from: among('array', 'PassThrough', 'generator', 'failing generator'),
  chunks: fc.array(fc.record({ kind: among('string', 'Buffer', 'Uint8Array'), size }), { maxLength: 4, size: 'max' })
})

/** Actions that promise something. */
const promise = oneOf(
  [3, fc.record({ do: fc.constant('finished'), options: among({}, { cleanup: true }, { error: false }, { writable: false }), isPromise: fc.boolean() })],
  [3, fc.record({ do: fc.constant('pipeline'), source: sources, isPromise: fc.boolean(), end: fc.boolean(), isAborted: rarely(6) })],
  [1, fc.record({ do: fc.constant('once'), event: among('drain', 'finish', 'close', 'open', 'error') })],
  [2, fc.record({ do: fc.constant('write in a loop'), chunk, count: upTo(6) })]
)

/**
 * Some action.
 * @param {number} depth of the actions that it may hold
 * @param {number} ends how often, in a thousand, it is one that ends the stream
 */
function actionOf (depth, ends) {
  const plain = oneOf([1000 - ends, work], [ends, ending], [60, flow], [40, promise])
  if (depth === 0) return plain
  const then = fc.array(actionOf(depth - 1, ends), { maxLength: 3, size: 'max' })
  return oneOf(
    [6000, plain],
    [3000, fc.record({ do: fc.constant('write'), chunk, encoding, callback: then })],
    [1000, fc.record({ do: fc.constant('tick'), then })],
    [1000, fc.record({ do: fc.constant('microtask'), then })],
    [3 * ends, fc.record({ do: fc.constant('end'), callback: then })],
    [3 * ends, fc.record({ do: fc.constant('end'), chunk, encoding, callback: then })],
    [2 * ends, fc.record({ do: fc.constant('close'), callback: then })],
    [2 * ends, fc.record({ do: fc.constant('destroy'), error, callback: then })]
  )
}

const wait = oneOf(
  [6, fc.record({ do: fc.constant('wait'), for: among('drain', 'written'), then: among('sync', 'tick', 'microtask') })],
  [2, fc.record({ do: fc.constant('wait'), for: among('open', 'ready'), then: among('sync', 'tick', 'microtask') })],
  [2, fc.record({ do: fc.constant('wait'), for: among('tick', 'microtask'), times: fc.integer({ min: 1, max: 4 }) })],
  [1, { do: 'wait', for: 'quiet' }]
)
const lastWait = fc.record({ do: fc.constant('wait'), for: among('finish', 'close', 'error'), then: among('sync', 'tick') })
/** How far what is under way comes meanwhile is a matter of time. */
const racyWait = fc.record({ do: fc.constant('wait'), for: fc.constant('immediate'), times: fc.integer({ min: 1, max: 3 }) })

/** How often, in a thousand, an action ends the stream: seldom in most programs, or nothing would be written. */
const SELDOM = 4
const OFTEN = 100
const MOSTLY = 400
const ALWAYS = 1000

const stepsOf = (ends, isRacy) => {
  const step = oneOf([500, actionOf(2, ends)], [200, wait], [isRacy ? 80 : 0, racyWait], [ends, lastWait])
  return fc.array(step, { maxLength: 10, size: 'max' })
}

const body = oneOf([12, stepsOf(SELDOM, false)], [3, stepsOf(OFTEN, false)], [2, stepsOf(SELDOM, true)], [1, stepsOf(OFTEN, true)])

const settled = among({ do: 'wait', for: 'written', then: 'sync' }, { do: 'wait', for: 'drain', then: 'tick' }, { do: 'wait', for: 'quiet' })

/** Most programs end their stream, when what they wrote is written or before; some go on all the same. */
const finale = oneOf(
  [1, fc.tuple()],
  [6, fc.tuple(fc.constant({ do: 'uncork all' }), settled, actionOf(1, ALWAYS))],
  [4, fc.tuple(fc.constant({ do: 'uncork all' }), actionOf(1, ALWAYS))],
  [2, fc.tuple(actionOf(1, ALWAYS))],
  [2, fc.tuple(settled, ending, lastWait)],
  [1, fc.tuple(ending, lastWait)],
  [2, fc.array(actionOf(1, MOSTLY), { maxLength: 4, size: 'max' })]
)

const flags = oneOf(
  [16, 'default'],
  [6, among('w', 'a', 'w+')],
  [4, among('as', 'a+', 'rs+', 'r+', 'as+')],
  [2, among('wx', 'ax', 'wx+', 'ax+')],
  [1, among('numeric w', 'numeric a', 'numeric r+', 'r', 'nonsense', null)]
)

const target = oneOf(
  [20, fc.record({ kind: fc.constant('file'), exists: fc.boolean(), as: oneOf([4, 'string'], [1, among('Buffer', 'URL')]) })],
  [2, fc.record({ kind: fc.constant('/dev/full') })],
  [1, fc.record({ kind: among('folder', 'missing', 'no fd') })],
  [3, fc.record({ kind: among('fd', 'handle'), exists: fc.boolean(), opened: oneOf([4, 'w'], [2, among('a', 'r+', 'w+')], [1, 'r']) })]
)

const mark = oneOf([4, among(0, 1, 16, 100)], [4, among(16384, 65536, 100_000)], [1, 1024 * 1024])

/** Options that most programs do without: absent, or one of the values. */
const option = (times, ...values) => oneOf([times, 'none'], [1, among(...values)])

const options = fc.record({
  highWaterMark: mark,
  flags,
  start: oneOf([160, 'none'], [16, among(0, 1, 3, 100, 5000)], [1, among(-1, 'nonsense')]),
  emitClose: option(8, false, true),
  autoClose: option(6, false, true),
  autoDestroy: option(30, false),
  encoding: oneOf([160, 'none'], [16, among('latin1', 'hex', 'utf8')], [1, 'klingon']),
  defaultEncoding: option(30, 'latin1', 'hex', 'klingon'),
  decodeStrings: option(12, false, true),
  mode: oneOf([200, 'none'], [16, among(0o600, 0o640, '666')], [1, 'nonsense']),
  flush: oneOf([200, 'none'], [16, fc.boolean()], [1, 'nonsense']),
  signal: option(30, 'later', 'later', 'aborted'),
  fs: option(30, ['open'], ['close'], ['open', 'close'], ['fsync'])
})

/** What spillway does to the bytes, of which some does not go together: see stages.js. */
const stages = oneOf([3, 'none'], [1, fc.record({
  compress: among('none', 'gzip', 'zstd'),
  digest: fc.boolean(),
  durable: fc.boolean(),
  atomic: fc.boolean(),
  mkdir: fc.boolean()
})])

const ways = {
  _write: among('super', 'sync', 'tick', 'error', 'super later'),
  _writev: among('super', 'sync', 'tick', 'error', 'super later'),
  _construct: among('super', 'own', 'error'),
  _destroy: among('super', 'own', 'error'),
  _final: among('super', 'tick', 'error'),
  write: among('super', 'super', 'nothing'),
  end: among('super', 'super', 'nothing'),
  destroy: among('super'),
  emit: among('super'),
  close: among('super'),
  uncork: among('super')
}

const override = fc.oneof(...Object.keys(ways).map(method => fc.record({ method: fc.constant(method), way: ways[method] })))

const heir = oneOf(
  [5, 'none'],
  [1, fc.record({ form: among('new', 'no new', 'empty class', 'apply') })],
  [2, fc.record({ form: among('class', 'options'), overrides: fc.uniqueArray(override, { minLength: 1, maxLength: 3, selector: ({ method }) => method }) })]
)

/** What only a stream that is about to be opened allows: to put something before its bytes, to move its file away. */
const change = fc.record({ do: fc.constant('change'), how: among('header', 'rename', 'unlink', 'truncate') })
const look = fc.record({ do: fc.constant('look'), at: among('exists', 'size', 'content') })
const fewActions = fc.array(actionOf(1, SELDOM), { maxLength: 3, size: 'max' })
const listeners = oneOf(
  [12, {}],
  [1, fc.record({ open: fc.tuple(oneOf([1, look], [2, change])) })],
  [6, fc.dictionary(among('drain', 'open', 'ready', 'finish', 'error', 'close', 'prefinish'), fewActions, { maxKeys: 2 })]
)

/** In the run that makes the stream the file is as it was. */
const prelude = oneOf([8, fc.tuple()], [1, fc.array(oneOf([2, look], [1, change]), { maxLength: 3, size: 'max' })])
const steps = fc.tuple(prelude, body, finale).map(parts => parts.flat())

/** @type {fc.Arbitrary<object>} */
const program = fc.record({
  target,
  options,
  stages,
  heir,
  listeners,
  /** Nobody listens to 'error'. */
  isDeaf: rarely(20),
  /** Whether the async context is logged, too. */
  hasContext: rarely(4),
  steps
})

module.exports = { program }

'use strict'

// Draws programs around the pipe of a file into a file: plain JSON, so that one that
// shows a fault can be read, shrunk and played again. What each action does is told
// in actions.js.

const fc = require('fast-check')
const { among, between, does, oneOf } = require('../draw.js')

const KIB = 1024
const MIB = 1024 * KIB

/** Of a source: most are worth a copy, and few take long. */
const size = oneOf(
  [2, between(0, 400 * KIB)],
  [3, among(0, 1, 64 * KIB, 320 * KIB, 2 * MIB, 2 * MIB + 64 * KIB, 4 * MIB + 64 * KIB, 4 * MIB + 128 * KIB)],
  [9, between(400 * KIB, 1500 * KIB)],
  [3, between(1500 * KIB, 4 * MIB)],
  [1, between(4 * MIB, 7 * MIB)]
)

const place = oneOf([6, 'none'], [3, among(0, 1, 4096)], [1, between(0, MIB)])

const source = fc.record({
  kind: oneOf([40, 'file'], [1, among('directory', 'memory', 'missing')]),
  size,
  by: oneOf([4, 'path'], [2, 'fd'], [1, 'handle']),
  /** Where a given descriptor stands. */
  at: oneOf([3, 0], [1, among(1, 1000, 70_000)]),
  start: place,
  end: oneOf([6, 'none'], [1, between(0, 7 * MIB)]),
  mark: oneOf([6, 'none'], [2, among(16 * KIB, 64 * KIB, 256 * KIB)], [1, among(KIB, 4 * KIB, MIB, 2 * MIB)]),
  autoClose: oneOf([8, true], [1, false])
})

const target = fc.record({
  kind: oneOf([30, 'file'], [2, 'disk'], [1, among('full', 'missing')]),
  by: oneOf([4, 'path'], [1, 'fd'], [1, 'handle']),
  flags: oneOf([5, 'w'], [1, 'a'], [1, 'r+']),
  start: oneOf([8, 'none'], [1, among(0, 1, 500, 5000)]),
  mark: oneOf([5, 'none'], [3, among(0, 1, 16 * KIB, MIB)])
})

/** Of a chunk that the program writes itself. */
const small = oneOf([5, between(6, 100)], [2, among(16 * KIB, 20_000, 70_000)])
const error = among('none', 'mine')

const looking = oneOf(
  [5, does('listen')],
  [3, does('listen no more')],
  [1, does('nobody listens')],
  [3, does('listen to readable')],
  [2, does('listen to readable no more')],
  [2, does('for await', { chunks: oneOf([3, 1000], [2, between(1, 5)]) })],
  [2, does('setEncoding', { encoding: among('utf8', 'latin1') })],
  [1, does('read')]
)

const flowing = oneOf(
  [4, does('pause')],
  [5, does('resume')],
  [4, does('unpipe', { all: fc.boolean() })],
  [4, does('pipe', { end: fc.boolean() })],
  [3, does('pipe second', { kind: among('file', 'PassThrough') })],
  [2, does('unpipe second')]
)

const writing = oneOf(
  [6, does('write', { size: small })],
  [2, does('cork')],
  [3, does('uncork')],
  [4, does('writeFrom', { size: oneOf([3, small], [1, between(100_000, MIB)]) })]
)

const ending = oneOf(
  [2, does('end')],
  [1, does('end with', { size: small })],
  [3, does('destroy target', { error })],
  [3, does('destroy source', { error })],
  [3, does('abort')]
)

const meddling = oneOf(
  [2, does('truncate', { size })],
  [2, does('append', { size: between(1, MIB) })],
  [1, does('patch reader', { method: among('push', 'emit', '_read', 'read', 'on') })],
  [1, does('patch target', { method: among('write', 'emit', 'end', '_write', '_writev') })],
  [1, does('patch fs.read')],
  [2, does('hold', { time: between(1, 20) })]
)

const action = oneOf([6, looking], [6, flowing], [6, writing], [3, ending], [3, meddling])

/** When it is done: at once, or when so much is read, or so many ticks or turns later. */
const when = oneOf(
  [1, fc.record({ for: fc.constant('bytes'), count: between(0, 7 * MIB) })],
  [4, fc.record({ for: fc.constant('bytes'), count: between(0, 1500 * KIB) })],
  [2, fc.record({ for: fc.constant('turns'), count: between(1, 30) })],
  [1, fc.record({ for: fc.constant('ticks'), count: between(1, 5) })],
  [2, fc.record({ for: fc.constant('nothing') })],
  [1, fc.record({ for: fc.constant('rest') })]
)

const step = fc.record({ when, from: oneOf([3, 'turn'], [1, among('tick', 'microtask')]), action })

const listener = fc.record({
  event: among('source open', 'source ready', 'source end', 'source close', 'target open', 'target ready', 'target pipe', 'target unpipe',
    'target finish', 'target error', 'target close'),
  action
})

/** Few reads of few bytes take long enough. */
function bound ({ source, ...others }) {
  const mark = source.mark === 'none' ? 64 * KIB : source.mark
  return { ...others, source: { ...source, size: Math.min(source.size, mark * 700) } }
}

const program = fc.record({
  where: oneOf([60, 'here'], [1, 'worker'], [1, 'child']),
  way: oneOf([5, 'pipe'], [1, 'pipe without end'], [4, 'pipeline']),
  source,
  target,
  steps: oneOf([1, fc.constant([])], [9, fc.array(step, { minLength: 1, maxLength: 8 })]),
  listeners: oneOf([4, fc.constant([])], [1, fc.array(listener, { minLength: 1, maxLength: 2 })])
}).map(bound)

module.exports = { program }

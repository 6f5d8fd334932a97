'use strict'

// Draws programs of streams that write to one log, one after another: plain JSON,
// so that one that shows a fault can be read, shrunk and played again. What each step does is told in play.js.

const fc = require('fast-check')
const { among, between, does, oneOf } = require('../draw.js')

const KIB = 1024
const MIB = 1024 * KIB

/** Of a chunk. */
const length = oneOf(
  [20, between(1, 200)],
  [1, 0],
  [8, between(200, 16 * KIB)],
  [3, among(16 * KIB - 1, 16 * KIB, 64 * KIB)],
  [2, between(16 * KIB, 200 * KIB)]
)

const writing = oneOf(
  [20, does('write', { kind: among('buffer', 'utf8', 'latin1', 'hex', 'Uint8Array'), length, isCalled: oneOf([4, false], [1, true]) })],
  [4, does('write many', { kind: among('buffer', 'utf8'), length: oneOf([3, between(1, 120)], [1, between(120, 5000)]), count: between(2, 300) })],
  [1, does('copy', { length: oneOf([2, between(1, 5000)], [1, between(5000, 300 * KIB)]) })]
)

const doing = oneOf(
  [6, does('turn')],
  [3, does('wait')],
  [2, does('cork')],
  [4, does('uncork')],
  [2, does('flush')],
  [2, does('reopen')],
  [1, does('sync', { isAwaited: fc.boolean(), how: among('sync', 'datasync') })],
  [1, does('move')]
)

const stream = fc.record({
  steps: fc.array(oneOf([2, writing], [1, doing]), { maxLength: 40 }),
  end: oneOf([6, 'end'], [2, 'flush and destroy'], [2, 'destroy'], [1, 'fail']),
  mark: oneOf([3, 'none'], [1, among(0, 1, 16 * KIB)]),
  isDurable: oneOf([8, false], [1, true])
})

/** Most files that a program makes, or nearly so: each rotation reads the whole folder. */
const FILES = 300

const sum = (list, of) => list.reduce((total, one) => total + of(one), 0)
const bytesOf = ({ length = 0, count = 1 }) => length * count

const program = fc.record({
  size: oneOf([6, between(1, 3000)], [4, between(3000, 100 * KIB)], [1, between(100 * KIB, MIB)]),
  interval: oneOf([8, 'none'], [1, among('1d', '1s')]),
  lines: oneOf([5, false], [1, true]),
  compress: oneOf([5, 'none'], [1, among('gzip', 'zstd')]),
  keep: oneOf([6, 'all'], [1, between(0, 5)]),
  name: oneOf([3, 'none'], [1, among('old-%i', 'app-%Y.log', '%Y%m%d.%i.log')]),
  streams: fc.array(stream, { minLength: 1, maxLength: 4 })
}).map(program => {
  const bytes = sum(program.streams, ({ steps }) => sum(steps, bytesOf))
  return { ...program, size: Math.max(program.size, Math.ceil(bytes / FILES)) }
})

module.exports = { program }

'use strict'

// Random programs do the same with stock and with ours. A failure prints the
// seed and the path that make fast-check run it again, and the shrunk program.

const fc = require('fast-check')
const fs = require('node:fs')
const spillway = require('..')
const { Run, closed } = require('./helpers/same-as-stock.js')

const MARK = 20

const chunk = fc.record({
  kind: fc.constantFrom('string', 'wide string', 'hex', 'Buffer', 'Uint8Array', 'DataView'),
  size: fc.integer({ min: 0, max: 3 * MARK }),
  hasCallback: fc.boolean()
})

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('write'), chunk }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cork') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('uncork') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait for a tick') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait until written') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('setDefaultEncoding'), encoding: fc.constantFrom('latin1', 'utf8', 'utf16le', 'klingon') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('write nonsense') }) }
)

const end = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('end'), hasCallback: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('end'), chunk, hasCallback: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('destroy'), hasError: fc.boolean() }) }
)

const program = fc.record({
  highWaterMark: fc.constantFrom(0, 1, MARK),
  autoClose: fc.boolean(),
  waitsForOpen: fc.boolean(),
  steps: fc.array(step, { maxLength: 15 }),
  end,
  late: fc.array(step, { maxLength: 3 })
})

function make ({ kind, size }) {
  switch (kind) {
    case 'string': return ['s'.repeat(size)]
    case 'wide string': return ['é'.repeat(size >> 1)]
    case 'hex': return ['0f'.repeat(size), 'hex']
    case 'Buffer': return [Buffer.alloc(size, 'b')]
    case 'Uint8Array': return [new Uint8Array(size).fill(0x75)]
    case 'DataView': return [new DataView(new ArrayBuffer(size))]
  }
}

/** Plays `program` on a stream of `run`. */
async function play (run, { highWaterMark, autoClose, waitsForOpen, steps, end, late }) {
  // What destroy() finds written is a matter of time; and how the level is
  // counted down behind corks and empty writes is nobody's contract.
  if (end.do === 'destroy' || late.length > 0) run.ignoreBytes({ andLevel: true })
  const stream = run.create({ highWaterMark, autoClose })
  const isOver = new Promise(resolve => stream.once('finish', resolve).once('error', resolve))
  if (waitsForOpen) await new Promise(resolve => stream.once('ready', () => setImmediate(resolve)))
  let count = 0
  const callback = hasCallback => hasCallback ? run.callback(`callback ${++count}`, stream) : undefined
  const perform = async step => {
    switch (step.do) {
      case 'write': return run.call('write', () => stream.write(...make(step.chunk), callback(step.chunk.hasCallback)))
      case 'cork': return stream.cork()
      case 'uncork': return stream.uncork()
      case 'wait for a tick': return new Promise(resolve => process.nextTick(resolve))
      case 'wait until written':
        if (stream.writableCorked || stream.writableEnded || stream.destroyed) return
        return new Promise(resolve => stream.write('.', resolve))
      case 'setDefaultEncoding': return run.call('encoding', () => stream.setDefaultEncoding(step.encoding) === stream)
      case 'write nonsense': return run.call('nonsense', () => stream.write(7))
      case 'end': return run.call('end', () => stream.end(...(step.chunk ? make(step.chunk) : []), callback(step.hasCallback)) === stream)
      case 'close': return run.call('close', () => stream.close())
      case 'destroy': return run.call('destroy', () => stream.destroy(step.hasError ? Object.assign(new Error('mine'), { code: 'MINE' }) : undefined) === stream)
    }
  }
  for (const step of steps) {
    await perform(step)
    run.state(step.do, stream)
  }
  await perform(end)
  run.state(end.do, stream)
  for (const step of late) {
    // A stream that is corked after end() never finishes, in stock either. And
    // what an error leaves in the level of one that stays open is nobody's contract.
    if (step.do === 'cork' || !autoClose) continue
    await perform(step)
    run.state(`late ${step.do}`, stream)
  }
  if (!autoClose && !stream.destroyed) {
    await isOver
    stream.destroy()
  }
  await closed(stream)
}

test('random programs do the same as with stock', async () => {
  await fc.assert(fc.asyncProperty(program, async program => {
    const expected = await new Run(fs).result(run => play(run, program))
    const actual = await new Run(spillway).result(run => play(run, program))
    expect(actual).toEqual(expected)
  }), { numRuns: Number(process.env.SPILLWAY_RUNS ?? 500), seed: process.env.SPILLWAY_SEED && Number(process.env.SPILLWAY_SEED) })
}, 600_000)

'use strict'

// Random programs do the same with stock and with ours: some of those that
// `npm run fuzz:stream` plays by the thousand. In a process of its own, where
// uncaught errors and descriptors are its own, too.

const { spawnSync } = require('node:child_process')
const path = require('node:path')

const RUN = path.join(__dirname, '../../fuzz/stream/run.js')
const { SPILLWAY_RUNS = '400', SPILLWAY_SEED = '1' } = process.env

test('random programs do the same as with stock', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUN, '--programs', SPILLWAY_RUNS, '--seed', SPILLWAY_SEED], { encoding: 'utf8' })
  // The report tells the seed of each program that differs.
  expect({ status, report: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, report: '' })
}, 600_000)

'use strict'

// Random programs of streams that write to one log, one after another: its files are what was accepted, cut where they may
// be, as full as they may be, and told. Some of those that `npm run fuzz:rotation` plays by the thousand.

const { spawnSync } = require('node:child_process')
const path = require('node:path')

const RUN = path.join(__dirname, '../../fuzz/rotation/run.js')
const { SPILLWAY_ROTATIONS = '100', SPILLWAY_SEED = '1' } = process.env

test('the files of random programs are what was written', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUN, '--programs', SPILLWAY_ROTATIONS, '--seed', SPILLWAY_SEED], { encoding: 'utf8' })
  // The report tells the seed of each program of which something does not hold.
  expect({ status, report: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, report: '' })
}, 600_000)

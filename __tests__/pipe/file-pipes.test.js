'use strict'

// Random programs around the pipe of a file into a file do the same with stock and with
// ours: some of those that `npm run fuzz:pipe` plays by the thousand.

const { spawnSync } = require('node:child_process')
const path = require('node:path')

const RUN = path.join(__dirname, '../../fuzz/pipe/run.js')
const { SPILLWAY_PIPES = '60', SPILLWAY_SEED = '1' } = process.env

test('random pipes do the same as with stock, and no byte is lost or comes twice', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUN, '--programs', SPILLWAY_PIPES, '--seed', SPILLWAY_SEED], { encoding: 'utf8' })
  // The report tells the seed of each program that differs.
  expect({ status, report: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, report: '' })
}, 600_000)

'use strict'

// One program with one kind of stream, in a process of its own:
// node child.js '{ "program", "which", "folder", "file", "source", "knobs" }'
//
// `file` is null if the target is the descriptor that the server reads.

const path = require('node:path')
const { Worker } = require('node:worker_threads')
const counting = require('./count.js')
const { make } = require('./counters.js')
const { BYTES } = require('./limits.js')
const producer = require('./producer.js')
const programs = require('./programs')
const { TARGET, report, reportSample } = require('./report.js')

const MODULES = { node: 'node:fs', spillway: '..' }

function open (createWriteStream, { which, file, knobs: { mark, limit } }, program) {
  return createWriteStream(file ?? '', {
    fd: file === null ? TARGET : undefined,
    highWaterMark: mark === 'default' ? undefined : mark,
    ...(which === 'spillway' && {
      ...program.options,
      backpressure: limit === 'none' ? undefined : limit
    })
  })
}

function makeInput ({ source, knobs: { chunk } }, { input, pace, seconds }) {
  if (input === 'file') return { source, chunk }
  return producer[input]({ pace, seconds, most: BYTES, size: chunk })
}

function main (spec) {
  const { createWriteStream } = require(MODULES[spec.which])
  const counters = make()
  const reporter = new Worker(path.join(__dirname, 'reporter.js'), { workerData: { counters, folder: spec.folder } })
  // A loop that holds this thread must not begin before somebody reports it.
  reporter.once('online', () => {
    reporter.unref()
    start(createWriteStream, spec, counters)
  })
}

function start (createWriteStream, spec, counters) {
  const program = programs.find(spec.program)
  const out = open(createWriteStream, spec, program)
  const look = counting.countWrites(out, counters)
  counting.countTurns(counters, look)
  out.on('error', ({ code, message }) => report('error', { code, message }))
  out.on('stall', ({ code }) => report('stall', { code }))
  out.on('unstall', () => report('unstall'))
  process.on('exit', () => {
    look()
    reportSample(counters)
  })
  report('ready', { mark: out.writableHighWaterMark })
  // An error of the stream ends a program that waits for 'drain'; it is reported above.
  Promise.resolve(program.run(out, makeInput(spec, program))).catch(() => {})
}

main(JSON.parse(process.argv[2]))

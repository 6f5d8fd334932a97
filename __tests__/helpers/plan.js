'use strict'

// Plans: what several streams are to write before the end comes, step by step.
// A child plays one; the test knows from it what must be in the files.

const { once } = require('node:events')
const fs = require('node:fs')

const ODD = 'é€😀 '

/** The chunk of write number `at`, as whoever plays the step writes it. */
function chunkOf ({ size, encoding }, at) {
  if (encoding === 'utf8' || encoding === 'utf16le') {
    const unit = at + ODD
    return unit.repeat(Math.ceil(size / unit.length)).slice(0, size)
  }
  const bytes = Buffer.alloc(size, `${at} `)
  return encoding === 'buffer' ? bytes : bytes.toString(encoding)
}

/** Node's own functions, one of them wrapped: then Node opens the file, and Rust waits for it. */
const fsOfNode = { ...fs, open: (...args) => fs.open(...args) }

/**
 * @param {Function} createWriteStream
 * @param {string[]} files of the streams
 * @param {{ streams: { highWaterMark: number, opensByNode: boolean }[], steps: object[] }} plan
 * @param {{ rounds?: number, onWrite?: (stream: number) => void, isOpen?: boolean }} [options] `onWrite` is called behind each write(); `isOpen`: the steps begin when the files are open
 */
async function play (createWriteStream, files, { streams, steps }, { rounds = 1, onWrite = () => {}, isOpen = false } = {}) {
  const outs = streams.map(({ highWaterMark, opensByNode }, at) => {
    return createWriteStream(files[at], { highWaterMark, fs: opensByNode ? fsOfNode : undefined })
  })
  if (isOpen) await Promise.all(outs.map(out => once(out, 'ready')))
  const writes = streams.map(() => 0)
  const perform = {
    write (out, step) {
      if (out.writableEnded) return
      out.write(chunkOf(step, writes[step.stream]++), step.encoding)
      onWrite(step.stream)
    },
    cork: out => out.cork(),
    uncork: out => out.uncork(),
    end: out => { out.end() },
    open: out => out.pending && !out.destroyed && once(out, 'ready'),
    turn: () => new Promise(resolve => setImmediate(resolve))
  }
  for (let round = 0; round < rounds; round++) {
    for (const step of steps) {
      const wait = perform[step.do](outs[step.stream], step)
      if (wait) await wait
    }
  }
  // What Node opens itself, and has not opened when the end comes, is lost, and told to be.
  const pending = outs.filter((out, at) => streams[at].opensByNode && out.pending && !out.destroyed)
  await Promise.all(pending.map(out => once(out, 'ready')))
}

/** The writes that stream number `stream` takes in, round after round, as bytes. */
function * chunksOf ({ steps }, stream, rounds = 1) {
  let at = 0
  for (let round = 0; round < rounds; round++) {
    for (const step of steps) {
      if (step.stream !== stream) continue
      if (step.do === 'end') return
      if (step.do === 'write') yield Buffer.from(chunkOf(step, at++), step.encoding)
    }
  }
}

module.exports = { play, chunksOf }

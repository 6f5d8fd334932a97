'use strict'

// `options.fd`: while nothing is under way the owner's descriptor is the only
// one, so that its close ends a pipe, releases a lock, frees the file.

const { spawnSync } = require('node:child_process')
const { runScript } = require('../helpers/child.js')

const testOnLinux = process.platform === 'linux' ? test : test.skip
const testWithFlock = process.platform === 'linux' && spawnSync('flock', ['--version']).status === 0 ? test : test.skip

describe.each(['stock', 'spillway'])('%s', which => {
  test('a reader of a pipe sees its end when the owner closes it, though the stream goes on', async () => {
    const { code, stdout, stderr } = await runScript(which, `
      const { execFileSync, spawn } = require('node:child_process')
      execFileSync('mkfifo', [file + '.fifo'])
      const reader = spawn('cat', [file + '.fifo'])
      const fd = fs.openSync(file + '.fifo', 'w')
      const out = createWriteStream(null, { fd, autoClose: false })
      out.write('text', () => fs.closeSync(fd))
      reader.stdout.on('data', data => console.log(String(data)))
      reader.once('close', () => console.log('ended', out.closed))`)
    expect([code, stderr, stdout]).toEqual([0, '', 'text\nended false\n'])
  })

  testWithFlock('a lock is released when the owner closes its descriptor', async () => {
    const { code, stdout, stderr } = await runScript(which, `
      const { spawnSync } = require('node:child_process')
      const fd = fs.openSync(file, 'w')
      const out = createWriteStream(null, { fd, autoClose: false })
      const isFree = () => spawnSync('flock', ['-n', file, 'true']).status === 0
      out.write('text', () => {
        // The lock is that of what the descriptor stands for.
        spawnSync('flock', ['-n', '3'], { stdio: ['ignore', 'inherit', 'inherit', fd] })
        console.log(isFree())
        fs.closeSync(fd)
        const until = (what, then) => what() ? then() : setImmediate(until, what, then)
        until(isFree, () => console.log('released', out.closed))
      })`)
    expect([code, stderr, stdout]).toEqual([0, '', 'false\nreleased false\n'])
  })

  testOnLinux('streams that are left alone leave no descriptors', async () => {
    const { code, stdout, stderr } = await runScript(which, `
      const count = () => fs.readdirSync('/proc/self/fd').length
      const fd = fs.openSync(file, 'w')
      // The runtime has descriptors of its own, from the first stream on.
      createWriteStream(null, { fd, autoClose: false })
      const before = count()
      const outs = Array.from({ length: 100 }, () => createWriteStream(null, { fd, autoClose: false }))
      Promise.all(outs.map(out => new Promise(resolve => out.write('text', resolve)))).then(() => {
        const until = (what, then) => what() ? then() : setImmediate(until, what, then)
        until(() => count() <= before, () => console.log('none', fs.readFileSync(file, 'latin1').length))
      })`)
    expect([code, stderr, stdout]).toEqual([0, '', 'none 400\n'])
  })

  test('a stream goes on after it was left alone', async () => {
    const { code, stdout, stderr } = await runScript(which, `
      const fd = fs.openSync(file, 'w')
      const out = createWriteStream(null, { fd })
      const round = left => {
        if (left === 0) return out.end(() => console.log(fs.readFileSync(file, 'latin1')))
        out.write(left + ' ', () => setTimeout(round, 5, left - 1))
      }
      round(5)`)
    expect([code, stderr, stdout]).toEqual([0, '', '5 4 3 2 1 \n'])
  })
})

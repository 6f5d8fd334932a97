'use strict'

// Debian's logrotate, in both of its ways, while examples/sighup writes 100,000 lines a second.

const { spawn, spawnSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { folderForEach } = require('../helpers/folder.js')

const at = folderForEach()
const PROGRAM = path.join(__dirname, '..', '..', 'examples', 'sighup', 'main.js')
const LINES = 600_000

/** Bytes behind which nothing is rotated any more: to a program that is about to end, Node being without its listeners, a signal is death. */
const ROTATED_BYTES = 0.75 * LINES * 'line 123456 of a log that is rotated\n'.length

const hasLogrotate = spawnSync('logrotate', ['--version']).error === undefined
const testWithLogrotate = hasLogrotate ? test : (name, run) => test.skip(`${name}: logrotate is not installed`, run)

const logs = () => fs.readdirSync(at('')).filter(name => /^app\.log(\.\d+)?$/.test(name))

/** Of a file that gets another name meanwhile none are counted. */
const writtenBytes = () => logs().reduce((bytes, name) => bytes + (fs.statSync(at(name), { throwIfNoEntry: false })?.size ?? 0), 0)

/** Has logrotate rotate again and again while the program writes. @returns {Promise<{ numbers: number[], rotations: number }>} */
async function play (directives) {
  const conf = at('logrotate.conf')
  const owner = process.getuid() === 0 ? 'su root root' : ''
  fs.writeFileSync(conf, `${at('app.log')} {\n  ${owner}\n  rotate 200\n  nocompress\n  ${directives}\n}\n`)
  const child = spawn(process.execPath, [PROGRAM, at('app'), String(LINES), '1000'], { stdio: 'inherit' })
  const exit = once(child, 'exit')
  const isOver = () => child.exitCode !== null || child.signalCode !== null
  while (!fs.existsSync(at('app.pid')) || fs.statSync(at('app.log'), { throwIfNoEntry: false }) === undefined) await new Promise(resolve => setTimeout(resolve, 5))
  let rotations = 0
  while (!isOver() && writtenBytes() < ROTATED_BYTES) {
    const args = ['-f', '-s', at('state'), conf]
    const { status, stderr } = await new Promise(resolve => {
      const rotator = spawn('logrotate', args)
      let stderr = ''
      rotator.stderr.on('data', data => { stderr += data })
      rotator.on('close', status => resolve({ status, stderr }))
    })
    expect([status, stderr]).toEqual([0, ''])
    rotations++
    await new Promise(resolve => setTimeout(resolve, 150))
  }
  expect(await exit).toEqual([0, null])
  const names = logs()
  // The higher the number, the older the file.
  names.sort((a, b) => Number(b.split('.')[2] ?? 0) - Number(a.split('.')[2] ?? 0))
  const numbers = names.flatMap(name => {
    const lines = fs.readFileSync(at(name), 'latin1').split('\n')
    expect(lines.pop()).toBe('')
    return lines.map(line => Number(/^line (\d+) of a log that is rotated$/.exec(line)?.[1]))
  })
  return { numbers, rotations }
}

function expectAll ({ numbers, rotations }) {
  expect(numbers.findIndex((number, index) => number !== index)).toBe(-1)
  expect(numbers.length).toBe(LINES)
  expect(rotations).toBeGreaterThan(5)
}

testWithLogrotate('create: no line is lost, none twice, none cut', async () => {
  expectAll(await play(`create\n  postrotate\n    kill -HUP $(cat ${at('app.pid')}) || true\n  endscript`))
})

testWithLogrotate('copytruncate, with a program that holds its lines back meanwhile: neither', async () => {
  const [pid, paused] = [at('app.pid'), at('app.paused')]
  expectAll(await play(`copytruncate
  prerotate
    rm -f ${paused}; kill -USR2 $(cat ${pid}) && while [ ! -e ${paused} ] && kill -0 $(cat ${pid}); do sleep 0.01; done || true
  endscript
  postrotate
    kill -HUP $(cat ${pid}) || true
  endscript`))
})

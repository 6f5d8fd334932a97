'use strict'

// Several processes write to the same log: one of them rotates, the others follow, and no line is lost, twice or cut.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const { gunzipSync } = require('node:zlib')
const { folderForEach } = require('../helpers/folder.js')
const { inOrder } = require('../helpers/log-files.js')

const at = folderForEach()
const PROCESSES = 4
const LINES = 250_000

const PROGRAM = `
  const [, module, file, name, count, rotate] = process.argv
  const { once } = require('node:events')
  const out = require(module).createWriteStream(file, { rotate: JSON.parse(rotate) })
  out.on('error', error => { throw error })
  ;(async () => {
    for (let number = 0; number < count; number++) {
      if (!out.write(name + ' ' + number + ' ' + '.'.repeat(number % 60) + '\\n')) await once(out, 'drain')
      if (number % 1000 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    // Half of them end as programs often do.
    if (name % 2 === 0) process.exit()
    out.end()
  })()`

async function runAll (rotate) {
  const children = Array.from({ length: PROCESSES }, (_, name) => spawn(process.execPath,
    ['-e', PROGRAM, require.resolve('../..'), at('app.log'), String(name), String(LINES), JSON.stringify(rotate)], { stdio: ['ignore', 'inherit', 'inherit'] }))
  const ends = await Promise.all(children.map(child => once(child, 'exit')))
  expect(ends).toEqual(Array(PROCESSES).fill([0, null]))
}

const read = name => {
  const bytes = fs.readFileSync(at(name))
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes
}

test.each([['plain', {}], ['compressed', { compress: 'gzip' }]])('a million lines of four processes, %s', async (_, rotate) => {
  await runAll({ size: '1m', ...rotate })
  const next = Array(PROCESSES).fill(0)
  const names = inOrder(at(''), 'app.log')
  const wrong = []
  for (const name of names) {
    const lines = read(name).toString().split('\n')
    if (lines.pop() !== '') wrong.push(`${name} ends within a line`)
    for (const line of lines) {
      const [, writer, number, dots] = /^(\d) (\d+) (\.*)$/.exec(line) ?? []
      // Each writer's lines are in their order, across all files.
      if (Number(number) !== next[writer] || dots.length !== number % 60) wrong.push(line)
      next[writer] = Number(number) + 1
    }
    if (wrong.length > 0) break
  }
  expect(wrong).toEqual([])
  expect(next).toEqual(Array(PROCESSES).fill(LINES))
  expect(names.length).toBeGreaterThan(20)
  for (const name of names) expect(names.includes(`${name}.gz`)).toBe(false)
})

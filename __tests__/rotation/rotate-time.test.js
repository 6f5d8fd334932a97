'use strict'

// `rotate.interval`: at the bounds of the clock on the wall, daylight saving included, also when nothing is written.

const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { createWriteStream } = require('../..')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')

const at = folderForEach()
const CALENDAR = path.join(__dirname, '..', '..', 'lib', 'calendar.js')

/** The first starts of intervals from `time` on, as a process in `zone` finds them. */
async function starts (zone, time, interval, utc = false) {
  const { stdout, stderr } = await runScript('stock', `
    process.env.TZ = given.zone
    const { startsFrom } = require(given.CALENDAR)
    const starts = startsFrom(Date.parse(given.time), given.interval, given.utc).slice(0, 5)
    console.log(JSON.stringify(starts.map(start => new Date(start).toISOString().replace(':00.000Z', ''))))`, { values: { CALENDAR, zone, time, interval, utc } })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

const of = text => ({ count: Number(/\d+/.exec(text)), unit: text.at(-1) })

test.each([
  ['days in winter', 'Europe/Berlin', '2026-01-10T12:00Z', '1d', ['2026-01-09T23:00', '2026-01-10T23:00', '2026-01-11T23:00']],
  ['a day of 23 hours', 'Europe/Berlin', '2026-03-28T12:00Z', '1d', ['2026-03-27T23:00', '2026-03-28T23:00', '2026-03-29T22:00']],
  ['a day of 25 hours', 'Europe/Berlin', '2026-10-24T12:00Z', '1d', ['2026-10-23T22:00', '2026-10-24T22:00', '2026-10-25T23:00']],
  ['a day that begins at one o\'clock', 'America/Sao_Paulo', '2018-11-03T12:00Z', '1d', ['2018-11-03T03:00', '2018-11-04T03:00', '2018-11-05T02:00']],
  ['weeks begin on Mondays', 'America/New_York', '2026-03-05T12:00Z', '1w', ['2026-03-02T05:00', '2026-03-09T04:00', '2026-03-16T04:00']],
  ['hours that the clock does not show', 'Europe/Berlin', '2026-03-29T00:30Z', '1h', ['2026-03-29T00:00', '2026-03-29T01:00', '2026-03-29T02:00']],
  ['an hour that it shows twice is one', 'Europe/Berlin', '2026-10-24T23:30Z', '1h', ['2026-10-24T23:00', '2026-10-25T00:00', '2026-10-25T02:00']],
  ['parts of days begin at midnight', 'Asia/Kolkata', '2026-05-05T00:00Z', '6h', ['2026-05-04T18:30', '2026-05-05T00:30', '2026-05-05T06:30']],
  ['parts of a day of 25 hours', 'Europe/Berlin', '2026-10-25T00:00Z', '12h', ['2026-10-24T22:00', '2026-10-25T11:00', '2026-10-25T23:00']],
  ['a quarter of an hour off', 'Asia/Kathmandu', '2026-05-05T00:00Z', '30m', ['2026-05-04T23:45', '2026-05-05T00:15', '2026-05-05T00:45']]
])('%s', async (_, zone, time, interval, expected) => {
  expect((await starts(zone, time, of(interval))).slice(0, 3)).toEqual(expected)
})

test('in UTC all days are the same', async () => {
  expect(await starts('Europe/Berlin', '2026-03-28T12:00Z', of('1d'), true)).toEqual(['2026-03-28T00:00', '2026-03-29T00:00', '2026-03-30T00:00', '2026-03-31T00:00', '2026-04-01T00:00'])
  expect((await starts('Europe/Berlin', '1969-12-31T12:00Z', of('2d'), true))[0]).toBe('1969-12-30T00:00')
})

test('a file is closed when its time is over, though nothing more is written, and an empty one never', async () => {
  const out = createWriteStream(at('app.log'), { rotate: { interval: '1s', name: 'app-%H%M%S.log' } })
  const before = new Date()
  out.write('a line\n')
  const [{ path: file, bytes }] = await once(out, 'rotate')
  expect(bytes).toBe(7)
  const digits = date => [date.getHours(), date.getMinutes(), date.getSeconds()].map(part => String(part).padStart(2, '0')).join('')
  // It was written in this second or the next.
  expect([digits(before), digits(new Date(before.getTime() + 1000))]).toContain(/app-(\d{6})\.log$/.exec(file)[1])
  await new Promise(resolve => setTimeout(resolve, 1500))
  expect(fs.readdirSync(at('')).length).toBe(2)
  out.end()
  await once(out, 'close')
})

test('a loop that never yields has its bytes in the files of their time', async () => {
  const out = createWriteStream(at('app.log'), { rotate: { interval: '1s', name: 'app-%H%M%S.log' } })
  const end = Date.now() + 2500
  let written = 0
  while (Date.now() < end) {
    out.write('x'.repeat(99) + '\n')
    out.flushSync()
    written += 100
  }
  out.end()
  await once(out, 'close')
  const names = fs.readdirSync(at(''))
  expect(names.length).toBeGreaterThanOrEqual(3)
  expect(names.reduce((sum, name) => sum + fs.statSync(at(name)).size, 0)).toBe(written)
})

test('a file of a time that is over is closed before the first write, and named by that time', async () => {
  fs.writeFileSync(at('app.log'), 'old')
  fs.utimesSync(at('app.log'), new Date(2020, 5, 7, 12), new Date(2020, 5, 7, 12))
  const out = createWriteStream(at('app.log'), { rotate: { interval: '1d' } })
  out.write('new')
  out.end()
  await once(out, 'close')
  expect(fs.readdirSync(at('')).sort()).toEqual(['app-2020-06-07.1.log', 'app.log'])
  expect(fs.readFileSync(at('app.log'), 'latin1')).toBe('new')
})

test('a timer for the next interval keeps no process alive', async () => {
  const { code } = await runScript('spillway', `
    const out = createWriteStream(file, { rotate: { interval: '1d' } })
    out.write('x')`)
  expect(code).toBe(0)
})

'use strict'

// `spillway/monitor`: what the table shows, when it is shown, and that the program does not notice.

const { spawn, spawnSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { text } = require('node:stream/consumers')
const { stripVTControlCharacters } = require('node:util')
const Overview = require('../../lib/monitor/overview.js')
const formatTable = require('../../lib/monitor/table.js')
const { noCounts } = require('../../lib/open-streams.js')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')

const MONITOR = path.join(__dirname, '..', '..', 'monitor.js')
const REGISTER = path.join(__dirname, '..', '..', 'register.js')

const inFolder = folderForEach()

/** A module, to be loaded before the monitor, that has `process` emit 'table' with the number of each one that was written. */
const TELL_TABLES = `
  const fs = require('node:fs')
  const { writeSync } = fs
  let tables = 0
  fs.writeSync = function (fd, bytes, ...rest) {
    if (fd === 2 && bytes.includes('spillway: ')) setImmediate(() => process.emit('table', ++tables)).unref()
    return writeSync(fd, bytes, ...rest)
  }`
let tellTables
beforeEach(() => {
  tellTables = inFolder('tell-tables.js')
  fs.writeFileSync(tellTables, TELL_TABLES)
})

/** Runs `script` with the monitor, and `env` set before. Its standard error is no terminal. */
function run (script, { env = {}, args = ['-r', tellTables, '-r', MONITOR], which = 'spillway' } = {}) {
  const words = Object.entries({ SPILLWAY_MONITOR: '', ...env }).map(([name, value]) => `${name}=${value}`)
  return runScript(which, `const { once } = require('node:events'); (async () => {${script}})()`, { prefix: ['env', ...words], args })
}

/** The cells of the last table's rows, by title, and its last line. */
function parse (shown) {
  const lines = linesOf(shown)
  const start = lines.findLastIndex(line => line.startsWith('path '))
  const titles = lines[start].trim().split(/ +/)
  const rows = lines.slice(start + 1, -1).map(line => {
    // Not within what is buffered.
    const cells = line.replace(/([█░/]) +/g, '$1').split(/ {2,}/)
    return Object.fromEntries(cells.map((cell, at) => [titles[at], cell]))
  })
  return { rows, summary: lines.at(-1) }
}

function linesOf (shown) {
  return stripVTControlCharacters(shown).replaceAll('\r', '').trimEnd().split('\n')
}

const tablesIn = shown => shown.match(/^.*spillway: \d+ open/gm) ?? []

describe('where there is no terminal', () => {
  test('the last table alone is shown, on standard error', async () => {
    const { code, stdout, stderr } = await run(`
      const closed = createWriteStream(file + '-closed')
      closed.end('x'.repeat(2000))
      await once(closed, 'close')
      const open = createWriteStream(file, { highWaterMark: 1000 })
      await once(open, 'open')
      for (let at = 0; at < 3; at++) if (!open.write('x'.repeat(1500))) await once(open, 'drain')
      console.log('data')`)
    expect([code, stdout]).toEqual([0, 'data\n'])
    expect(tablesIn(stderr)).toHaveLength(1)
    const { rows, summary } = parse(stderr)
    expect(rows.map(({ path, accepted, written, false: falses, drain, stalls }) => [path.match(/file.*/)[0], accepted, written, falses, drain, stalls])).toEqual([
      ['file', '4.5 kB', '4.5 kB', '3', '3', '0'],
      ['file-closed (closed)', '2.0 kB', '2.0 kB', '0', '0', '0']
    ])
    expect(summary).toMatch(/^spillway: 1 open, 1 closed, accepted 6\.5 kB, written 6\.5 kB, [\d.]+ MB\/s, buffered 0 B$/)
    // No colours, and the cursor stays where it is.
    expect(stderr).not.toMatch(/[^\P{Cc}\n]/u)
  })

  test('what is flushed at process.exit() counts as written', async () => {
    const { stderr } = await run("createWriteStream(file).on('open', function () { this.write('x'.repeat(3000)); process.exit() })")
    expect(parse(stderr).summary).toMatch(/accepted 3\.0 kB, written 3\.0 kB, .* buffered 0 B$/)
  })

  test('a program without streams shows none, and ends in spite of the timer', async () => {
    // Longer than a timer can wait, of which Node would warn.
    expect(await run('', { env: { SPILLWAY_MONITOR: 1e9 } })).toMatchObject({ code: 0, stdout: '', stderr: '' })
  })

  test('SPILLWAY_MONITOR is an interval in seconds', async () => {
    const { stderr } = await run(`
      const out = createWriteStream(file)
      const timer = setInterval(() => out.write('line'), 1)
      process.on('table', tables => { if (tables === 3) clearInterval(timer) })`, { env: { SPILLWAY_MONITOR: 0.01 } })
    expect(tablesIn(stderr).length).toBeGreaterThanOrEqual(3)
    expect(stderr).not.toContain('\u001b')
  })

  test('a table that says the same is not shown again', async () => {
    const { stderr } = await run(`
      createWriteStream(file)
      await once(process, 'table')
      for (let at = 0; at < 20; at++) await new Promise(resolve => setTimeout(resolve, 2))`, { env: { SPILLWAY_MONITOR: 0.002 } })
    expect(tablesIn(stderr)).toHaveLength(1)
  })

  test('a closed stream is shown once', async () => {
    const { stderr } = await run(`
      const out = createWriteStream(file)
      createWriteStream(file + '-2').end()
      const timer = setInterval(() => out.write('line'), 1)
      process.on('table', tables => { if (tables === 4) clearInterval(timer) })`, { env: { SPILLWAY_MONITOR: 0.01 } })
    expect(stderr.match(/file-2 \(closed\)/g)).toHaveLength(1)
  })

  test('SPILLWAY_MONITOR=0 shows nothing', async () => {
    const { code, stderr } = await run("createWriteStream(file).end('x')", { env: { SPILLWAY_MONITOR: 0 } })
    expect([code, stderr]).toEqual([0, ''])
  })

  test('stop() and start()', async () => {
    const script = calls => `
      const { start, stop } = require(${JSON.stringify(MONITOR)})
      ${calls}
      createWriteStream(file).end('x')`
    expect((await run(script('stop(); stop()'))).stderr).toBe('')
    expect(tablesIn((await run(script('stop(); start(); start()'))).stderr)).toHaveLength(1)
  })

  test('a closed standard error does not end the program', async () => {
    const program = `
      const out = require(${JSON.stringify(path.join(MONITOR, '..'))}).createWriteStream(${JSON.stringify(inFolder('file'))})
      process.stdin.on('data', () => {
        const timer = setInterval(() => out.write('line'), 1)
        process.on('table', tables => {
          if (tables < 3) return
          clearInterval(timer)
          process.stdin.destroy()
        })
      })`
    const child = spawn(process.execPath, ['-r', tellTables, '-r', MONITOR, '-e', program], {
      env: { ...process.env, SPILLWAY_MONITOR: '0.01' },
      timeout: 50_000
    })
    child.stderr.destroy()
    await once(child.stderr, 'close')
    child.stdin.write('go')
    expect(await once(child, 'exit')).toEqual([0, null])
  })
})

describe('which streams', () => {
  test("those of a program that doesn't know, with spillway/register", async () => {
    const { stderr } = await run("fs.createWriteStream(file).end('x'.repeat(700))", { which: 'stock', args: ['-r', REGISTER, '-r', MONITOR] })
    expect(parse(stderr).summary).toMatch(/ 0 open, 1 closed, accepted 700 B, written 700 B,/)
  })

  test('one that fails, with its error', async () => {
    const { stderr } = await run("createWriteStream('/dev/full').on('error', () => {}).write('x')")
    const { rows, summary } = parse(stderr)
    expect(rows).toMatchObject([{ path: '/dev/full (closed)', error: 'ENOSPC' }])
    expect(summary).toMatch(/failed 1$/)
  })

  test('one that stalls, and one that drops', async () => {
    const { stderr } = await run(`
      const full = createWriteStream('/dev/full', { retry: { interval: 1 }, exitTimeout: 1 })
      full.write('x')
      await once(full, 'stall')
      const out = createWriteStream(file, { highWaterMark: 1, budget: 10, backpressure: 'drop-newest' })
      await once(out, 'open')
      out.write('x'.repeat(20))
      out.end()
      await once(out, 'close')
      process.exit()`)
    expect(parse(stderr).rows[0]).toMatchObject({ path: '/dev/full', error: 'ENOSPC', stalls: expect.stringMatching(/^[1-9]/) })
    expect(parse(stderr).summary).toMatch(/dropped 20 B, stalls \d+$/)
  })

  test('one of a descriptor, by its number', async () => {
    const { stderr } = await run("createWriteStream('', { fd: fs.openSync(file, 'w') }).end('x')")
    expect(parse(stderr).rows).toMatchObject([{ path: expect.stringMatching(/^fd \d+ \(closed\)$/) }])
  })

  test('one that does not close its descriptor is over when it has finished', async () => {
    const { stderr } = await run(`
      const out = createWriteStream('', { fd: fs.openSync(file, 'w'), autoClose: false })
      out.end('x')
      await once(out, 'finish')`)
    expect(parse(stderr).summary).toMatch(/ 0 open, 1 closed, accepted 1 B, written 1 B,/)
  })

  test('not one whose stats() are something else, which goes on', async () => {
    const { code, stderr, content } = await run(`
      class Mine extends require(given.module).WriteStream {
        stats () { throw new Error('mine') }
      }
      new Mine(file).end('text')`)
    expect([code, stderr, String(content)]).toEqual([0, '', 'text'])
  })

  test('those of workers, by thread', async () => {
    const { stderr } = await run(`
      const { Worker } = require('node:worker_threads')
      const work = end => new Worker(\`
        const out = require(\${JSON.stringify(given.module)}).createWriteStream(\${JSON.stringify(file)} + \${end.length})
        out.write('x'.repeat(500))
        out.on('open', () => { \${end} })\`, { eval: true })
      for (const end of ['out.end()', 'process.exit()']) await once(work(end), 'exit')
      createWriteStream(file)`)
    const { rows, summary } = parse(stderr)
    expect(rows.map(({ thread, accepted, written }) => [thread, accepted, written])).toEqual([
      ['0', '0 B', '0 B'], ['1', '500 B', '500 B'], ['2', '500 B', '500 B']
    ])
    expect(summary).toMatch(/ 1 open, 2 closed, accepted 1\.0 kB, written 1\.0 kB,/)
  })

  test('those of a worker that is still there at process.exit(), as it told them last', async () => {
    const { stderr } = await run(`
      const { Worker } = require('node:worker_threads')
      const flag = new Int32Array(new SharedArrayBuffer(4))
      new Worker(\`
        const { BroadcastChannel, workerData } = require('node:worker_threads')
        const out = require(\${JSON.stringify(given.module)}).createWriteStream(\${JSON.stringify(file)})
        out.write('x'.repeat(500))
        // What this hears is on its way to the main thread.
        new BroadcastChannel('spillway:monitor').onmessage = ({ data: { report } }) => {
          if (report.counts.writtenBytes < 500) return
          Atomics.store(workerData, 0, 1)
          Atomics.notify(workerData, 0)
        }\`, { eval: true, workerData: flag })
      Atomics.wait(flag, 0, 0)
      process.exit()`, { env: { SPILLWAY_MONITOR: 0.01 } })
    expect(parse(stderr).rows).toMatchObject([{ thread: '1', written: '500 B' }])
    expect(parse(stderr).summary).toMatch(/ 1 open, 0 closed,/)
  })
})

test('of many closed ones the last hundred are kept', async () => {
  const { stderr } = await run(`
    const closed = []
    for (let at = 0; at < 150; at++) {
      const out = createWriteStream(file)
      closed.push(once(out, 'close'))
      out.end('x')
    }
    await Promise.all(closed)`)
  expect(parse(stderr).rows).toHaveLength(98)
  expect(parse(stderr).summary).toMatch(/ 0 open, 150 closed, accepted 150 B, .* 2 not shown$/)
})

test('a worker that has told nothing for long has no rows, but counts', () => {
  const report = { thread: 1, rows: [{ path: 'a' }], closedRows: [], closedCount: 1, failedCount: 0, counts: { ...noCounts(), writtenBytes: 5 } }
  const take = workerTimeout => {
    const overview = new Overview(workerTimeout)
    overview.add(report)
    return overview.take()
  }
  expect(take(1000)).toMatchObject({ rows: [{ path: 'a' }], openCount: 1, closedCount: 1, counts: { writtenBytes: 5 } })
  expect(take(0)).toMatchObject({ rows: [], openCount: 0, closedCount: 1, counts: { writtenBytes: 5 } })
})

const isLinuxScript = spawnSync('script', ['-qec', 'exit 42', '/dev/null'], { stdio: ['ignore', 'ignore', 'ignore'] }).status === 42
const describeTerminal = isLinuxScript ? describe : describe.skip

describeTerminal('on a terminal (needs script of util-linux)', () => {
  /** Runs `script` on a terminal of 10 lines and 100 columns. @returns {Promise<string>} what is written to it */
  async function show (script, env = {}) {
    const program = inFolder('program.js')
    fs.writeFileSync(program, `
      const { once } = require('node:events')
      const { createWriteStream } = require(${JSON.stringify(path.join(MONITOR, '..'))})
      const file = ${JSON.stringify(inFolder('file'))}
      let tables = 0
      process.on('table', () => tables++);
      (async () => {${script}})()`)
    const command = `stty rows 10 cols 100; '${process.execPath}' -r '${tellTables}' -r '${MONITOR}' '${program}'`
    const { CI, NO_COLOR, FORCE_COLOR, NODE_DISABLE_COLORS, ...rest } = process.env
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      env: { ...rest, TERM: 'xterm-256color', SPILLWAY_MONITOR: '0.01', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 50_000
    })
    const [[code], shown] = await Promise.all([once(child, 'close'), text(child.stdout)])
    expect(code).toBe(0)
    return shown
  }

  /** Writes until `count` tables were shown. */
  const writeFor = count => `
    const out = createWriteStream(file)
    const timer = setInterval(() => out.write('line'), 1)
    while (tables < ${count}) await once(process, 'table')
    clearInterval(timer)`

  test('it is drawn in its place, in colours', async () => {
    const shown = await show(writeFor(4))
    const tables = shown.split('spillway: ').length - 1
    expect(tables).toBeGreaterThanOrEqual(4)
    // Three lines up, and all below is erased; but for the first table.
    // eslint-disable-next-line no-control-regex -- that is what is looked for
    expect(shown.match(/\u001b\[3A\r\u001b\[J/g)).toHaveLength(tables - 1)
    expect(shown).toContain('\u001b[32m')
    expect(parse(shown).rows).toHaveLength(1)
  })

  test('each second, if nothing else is said', async () => {
    const shown = await show(writeFor(2), { SPILLWAY_MONITOR: '' })
    expect(shown.split('spillway: ').length - 1).toBeGreaterThanOrEqual(2)
  })

  test('NO_COLOR', async () => {
    const shown = await show(writeFor(3), { NO_COLOR: '1' })
    expect(shown).toContain('\u001b[3A')
    // eslint-disable-next-line no-control-regex -- that is what is looked for
    expect(shown).not.toMatch(/\u001b\[[\d;]*m/)
  })

  test('what the program writes between two tables is not erased', async () => {
    const shown = await show(`
      process.on('table', table => { if (table === 2) console.log('a line of mine') })
      ${writeFor(4)}`)
    expect(shown).toMatch(/a line of mine\r\n(?:\u001b\[1m)?path/) // eslint-disable-line no-control-regex -- as above
  })

  test('a dumb terminal gets plain lines', async () => {
    const shown = await show(writeFor(3), { TERM: 'dumb' })
    expect(tablesIn(shown).length).toBeGreaterThanOrEqual(3)
    expect(shown).not.toContain('\u001b')
  })

  test('it is no longer and no wider than the terminal', async () => {
    const shown = await show(`
      const outs = Array.from({ length: 30 }, (_, at) => createWriteStream(file + at + 'x'.repeat(150)))
      await Promise.all(outs.map(out => once(out, 'open')))
      const from = tables
      while (tables < from + 2) {
        outs[29].write('busy')
        await new Promise(resolve => setImmediate(resolve))
      }`)
    const lines = linesOf(shown)
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(100)
    const last = lines.slice(lines.findLastIndex(line => line.startsWith('path ')))
    expect(last).toHaveLength(9)
    expect(last.at(-1)).toMatch(/ 30 open, .* 23 not shown$/)
  })
})

describe('the text of a table', () => {
  const row = values => ({
    thread: 0,
    path: 'app.log',
    isClosed: false,
    speed: 0,
    highWaterMark: 1000,
    acceptedBytes: 0,
    writtenBytes: 0,
    bufferedBytes: 0,
    backpressureCount: 0,
    drains: 0,
    backpressureTime: 0,
    stalls: 0,
    lastError: null,
    ...values
  })
  const format = (rows, screen) => formatTable({
    rows,
    openCount: rows.length,
    closedCount: 0,
    failedCount: 0,
    speed: 0,
    counts: { acceptedBytes: 0, writtenBytes: 0, droppedBytes: 0, stalls: 0 }
  }, { columns: 160, rows: 100, isColored: false, ...screen })

  test.each([[0, '░░░░░░░░'], [500, '████░░░░'], [999, '████████'], [5000, '████████']])('a bar for %d of 1000 bytes', (bufferedBytes, bar) => {
    expect(format([row({ bufferedBytes })])[1]).toMatch(new RegExp(` ${bar} +[\\d.]+ k?B/ +1.0 kB `))
  })

  test.each([[0, '0 B'], [999, '999 B'], [1000, '1.0 kB'], [1_500_000, '1.5 MB'], [2.5e9, '2.5 GB'], [4e12, '4.0 TB'], [5e15, '5000.0 TB']])('%d bytes are %s', (acceptedBytes, text) => {
    expect(format([row({ acceptedBytes })])[1]).toContain(` ${text} `)
  })

  test('paths are cut from the left, wide characters and all', () => {
    const paths = ['/a/very/long/folder/app.log', '/日本語日本語日本語/日本語.log', '/a/💧💧💧💧💧💧💧💧💧💧.log']
    const lines = format(paths.map(path => row({ path })), { columns: 34 })
    // 24 columns of a terminal each.
    expect(lines.slice(1, -1)).toEqual(['…ery/long/folder/app.log', '…日本語日本語/日本語.log', '…💧💧💧💧💧💧💧💧💧.log '].map(path => `${path}       0 B`))
  })

  test('a path can do nothing to the terminal', () => {
    expect(format([row({ path: 'a\u001b[2J\n\u202eb' })])[1]).toMatch(/^a\?\[2J\?\?b /)
  })

  test('of too many rows the busiest are shown, in their order', () => {
    const rows = [1, 5, 2, 4, 3].map(speed => row({ path: `at-${speed}`, speed }))
    const lines = format(rows, { rows: 5 })
    expect(lines.slice(1, -1).map(line => line.match(/at-\d/)[0])).toEqual(['at-5', 'at-4', 'at-3'])
    expect(lines.at(-1)).toMatch(/2 not shown$/)
  })

  test.each([200, 120, 80, 40, 20, 10])('no line is wider than %d columns', columns => {
    const rows = [row({ path: '/var/log/'.repeat(30), thread: 3, lastError: 'ENOSPC' })]
    for (const line of format(rows, { columns })) expect(line.length).toBeLessThanOrEqual(columns)
  })
})

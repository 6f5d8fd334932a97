'use strict'

// A file is opened with the privileges, the mask and the folder that Node's own
// open would have: a daemon that gives up root behind createWriteStream() must
// not find its logs made by root.

const { runScript } = require('../helpers/child.js')

/** Streams of one program: what goes wrong by a race does so for some of them. */
const COUNT = 60
const NOBODY = 65534
const isRoot = process.getuid?.() === 0

/**
 * `play({ before, lead, change, fill, each })` makes the streams and prints what became of each
 * file: the folder, the owners and the mode, or the error. `change` is called behind the last
 * stream, or behind each.
 */
const PROGRAM = `
  const { execFileSync } = require('node:child_process')
  const path = require('node:path')
  const home = path.dirname(file)
  process.chdir(home)
  // Whoever we are, we may make files here and below.
  fs.chmodSync(home, 0o777)
  fs.mkdirSync('sub')
  fs.chmodSync('sub', 0o777)
  process.umask(0o022)
  const root = process.geteuid?.()

  const make = at => {
    const out = createWriteStream('file ' + at)
    out.error = null
    out.on('error', ({ code, syscall }) => { out.error = code + ' ' + syscall })
    return out
  }

  const show = at => ['.', 'sub'].flatMap(folder => {
    const name = path.join(home, folder, 'file ' + at)
    if (!fs.existsSync(name)) return []
    const { uid, gid, mode, size } = fs.statSync(name)
    return [[folder, uid, gid, (mode & 0o777).toString(8), size]]
  })

  const play = async ({ before, lead, change, fill, each }) => {
    before()
    const outs = []
    for (let at = 0; at < given.COUNT; at++) {
      outs.push(make(at))
      lead(outs[at])
      if (each) change(at)
    }
    if (!each) change()
    outs.forEach(fill)
    await Promise.all(outs.map(out => {
      out.end('x')
      return new Promise(resolve => out.on('close', resolve))
    }))
    if (root === 0) process.seteuid(0)
    console.log(JSON.stringify(outs.map((out, at) => [out.error, ...show(at)])))
  };`

/** What is changed, and how it was before the first stream was made. */
const CHANGES = {
  'another mask': { change: 'process.umask(0o077)' },
  'a mask that is opened again': { before: 'process.umask(0o077)', change: 'process.umask(0o022)' },
  'another folder': { change: 'process.chdir("sub")' },
  'the folder from before': { before: 'process.chdir("sub")', change: 'process.chdir(home)' }
}

const AS_ROOT = {
  'another user': { change: `process.seteuid(${NOBODY})` },
  'root again': { before: `process.seteuid(${NOBODY})`, change: 'process.seteuid(0)' },
  'another group': { change: `process.setegid(${NOBODY})` },
  'another user, who may make no files here': { before: 'fs.chmodSync(home, 0o755)', change: `process.seteuid(${NOBODY})` }
}

const FILL = 'for (let count = 0; count < 5; count++) out.write(Buffer.alloc(300_000))'

/** What each stream writes before the change, and behind it in the same run. More than 1 MiB has ours open the file in that run. */
const TIMES = {
  'right after createWriteStream()': {},
  'and then more than 1 MiB is written': { fill: FILL },
  'behind a first write, and then more than 1 MiB is written': { lead: 'out.write("x")', fill: FILL }
}

/** Each stream finds another state when it is made, and the last one when it is opened. */
const ALTERNATING = {
  'the mask': { change: 'process.umask(at % 2 ? 0o022 : 0o077)' },
  'the folder': { change: 'process.chdir(at % 2 ? home : path.join(home, "sub"))' }
}

const ALTERNATING_AS_ROOT = {
  'the user': { change: `process.seteuid(at % 2 ? 0 : ${NOBODY})` }
}

/** What becomes of the files with ours, and with stock. */
async function results ({ before = '', lead = '', change, fill = '', each = false }) {
  const script = `${PROGRAM}
    play({ before: () => { ${before} }, lead: out => { ${lead} }, change: at => { ${change} }, fill: out => { ${fill} }, each: ${each} })`
  const [stock, ours] = [await runScript('stock', script, { values: { COUNT } }), await runScript('spillway', script, { values: { COUNT } })]
  expect([stock.stderr, ours.stderr]).toEqual(['', ''])
  return { stock: JSON.parse(stock.stdout), ours: JSON.parse(ours.stdout) }
}

/** Tests in a process that may do so. */
const forAll = { run: test, note: '' }
const forRoot = { run: isRoot ? test : test.skip, note: ' (only root can)' }

for (const [changes, { run, note }] of [[CHANGES, forAll], [AS_ROOT, forRoot]]) {
  for (const [name, change] of Object.entries(changes)) {
    for (const [when, writes] of Object.entries(TIMES)) {
      run(`${name}, ${when}${note}`, async () => {
        const { stock, ours } = await results({ ...change, ...writes })
        expect(stock).toHaveLength(COUNT)
        expect(ours).toEqual(stock)
      })
    }
  }
}

for (const [changes, { run, note }] of [[ALTERNATING, forAll], [ALTERNATING_AS_ROOT, forRoot]]) {
  for (const [name, change] of Object.entries(changes)) {
    run(`${name} changes behind each createWriteStream()${note}`, async () => {
      const { stock, ours } = await results({ ...change, each: true })
      expect(ours).toEqual(stock)
    })
  }
}

// An open that fails is not tried once more, with what the program has become by then.
forRoot.run('an open that has failed for another user is not tried again as root (only root can)', async () => {
  const before = `
    for (let at = 0; at < given.COUNT; at++) fs.writeFileSync('file ' + at, 'secret', { mode: 0o600 })
    process.seteuid(${NOBODY})`
  const change = `
    // Behind the ticks in which the streams have asked for their files: all of them are tried meanwhile.
    process.nextTick(() => {
      execFileSync(process.execPath, ['--version'])
      process.seteuid(0)
    })`
  const { stock, ours } = await results({ before, change })
  expect(stock).toEqual(Array(COUNT).fill(['EACCES open', ['.', 0, 0, '600', 6]]))
  expect(ours).toEqual(stock)
})

'use strict'

// The end of the process, when the file is not open yet: bytes go only where the
// stream's own open leads. Never by a descriptor that the process happens to
// have for the same file, with other flags, other rights, or from its parent.
// What can't be opened so is told as lost. Stock writes nothing.

const { runScript } = require('../helpers/child.js')

const NOBODY = 65534
const BEFORE = 'there before'
const isRoot = process.getuid?.() === 0
const PERMISSION = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'

/** Who opens the file: how `fs` is changed, or the options of the stream. */
const OPENERS = {
  'fs.open as it is': {},
  'fs.open patched': { patch: 'const { open } = fs; fs.open = (...args) => open(...args)' },
  'fs.open patched, which never comes back': { patch: 'fs.open = () => {}' },
  'gracefulify(fs)': { patch: 'require("graceful-fs").gracefulify(fs)' },
  'a custom fs': { options: 'fs: { ...fs, open: (...args) => fs.open(...args) }' }
}

/** When the process ends: the stream opens its file in the tick behind the run. */
const MOMENTS = {
  'in the run that makes the stream': 'process.exit()',
  'while the open is under way': 'process.nextTick(() => process.exit())'
}

/**
 * How the stream opens a file of which the process has a descriptor, at offset 6. `opened`: what is
 * in the file if it is opened with the stream's own flags; without it that can't be.
 */
const FILES = {
  'wx, and the file is there': { flags: '"wx"' },
  'ax, and the file is there': { flags: '"ax"' },
  'a, and the descriptor stands in the middle': { flags: '"a"', opened: 'there beforenew' },
  'r+ and a start, and the descriptor appends': { flags: '"r+", start: 6', opened: 'there newore', held: 'a+' },
  'O_NOFOLLOW, and a link': { flags: 'O_WRONLY | O_NOFOLLOW', before: 'fs.symlinkSync(file, file + ".link")', place: 'file + ".link"' },
  'a file of root\'s, and another user by now': { flags: '"r+"', before: 'fs.chmodSync(file, 0o600)', after: `process.seteuid(${NOBODY})`, needsRoot: true }
}

/** What is in the file at the end with ours: only what was not asked for by then is opened, and nothing by another `fs`. */
function expectedOf ({ patch, options }, { opened = BEFORE }, moment) {
  const isOpened = options === undefined && (patch === undefined || moment === 'in the run that makes the stream')
  return isOpened ? opened : BEFORE
}

function scriptOf ({ patch = '', options = '' }, { flags, before = '', after = '', place = 'file', held = 'r+' }, end) {
  return `
    const { O_WRONLY, O_NOFOLLOW } = fs.constants
    fs.writeFileSync(file, '${BEFORE}')
    const fd = fs.openSync(file, '${held}')
    fs.readSync(fd, Buffer.alloc(6))
    ${before}
    ${patch}
    const out = createWriteStream(${place}, { flags: ${flags}, ${options} })
    out.on('error', () => {})
    ${after}
    out.write('new')
    ${end}`
}

/** Runs `script` with stock, which must write nothing and say nothing, and with ours. */
async function runBoth (script, options) {
  const [stock, ours] = [await runScript('stock', script, options), await runScript('spillway', script, options)]
  expect([stock.code, ours.code]).toEqual([0, 0])
  return { stock, ours }
}

const LOST = /SpillwayWarning: 3 bytes could not be written to .* before the process ended/

for (const [moment, end] of Object.entries(MOMENTS)) {
  for (const [opener, who] of Object.entries(OPENERS)) {
    for (const [name, file] of Object.entries(FILES)) {
      const run = file.needsRoot && !isRoot ? test.skip : test
      run(`${name}; ${opener}; ${moment}${file.needsRoot ? ' (only root can)' : ''}`, async () => {
        const { stock, ours } = await runBoth(scriptOf(who, file, end), { packages: true })
        expect([String(stock.content), stock.stderr]).toEqual([BEFORE, ''])
        const expected = expectedOf(who, file, moment)
        expect(String(ours.content)).toBe(expected)
        expect(ours.stderr).toMatch(expected === BEFORE ? LOST : /^$/)
      })
    }
  }
}

describe('under the permission model, with the file as stdout', () => {
  const onFile = file => ['sh', '-c', 'file=$1; shift; printf %s "$0" > "$file" && exec "$@" >> "$file"', BEFORE, file]
  const grants = [PERMISSION, '--allow-fs-read=*', '--allow-addons']

  for (const [moment, end] of Object.entries(MOMENTS)) {
    test(`without a grant to write nothing is written, ${moment}`, async () => {
      const script = `
        const out = createWriteStream(file, { flags: 'a' })
        out.on('error', () => {})
        out.write('new')
        ${end}`
      const { stock, ours } = await runBoth(script, { prefix: onFile, args: grants })
      expect(String(stock.content)).toBe(BEFORE)
      expect(String(ours.content)).toBe(BEFORE)
      expect(ours.stderr).toMatch(LOST)
    })
  }

  test('with one it is opened with the flags of the stream', async () => {
    const script = 'createWriteStream(file, { flags: "r+" }).write("new"); process.exit()'
    const { stock, ours } = await runBoth(script, { prefix: onFile, args: [...grants, '--allow-fs-write=*'] })
    expect(String(stock.content)).toBe(BEFORE)
    expect(String(ours.content)).toBe('newre before')
  })
})

// Who opens files by a program's own functions may have files of its own, and reasons to open none.
const REPLACED = {
  'memfs in the place of fs': {
    patch: `
      const { vol } = require('memfs')
      vol.mkdirSync(require('node:path').dirname(file), { recursive: true })
      require('fs-monkey').patchFs(vol)`,
    expected: null
  },
  'a sandbox that opens nothing': {
    patch: `
      fs.open = (...args) => args.at(-1)(new Error('forbidden'))
      fs.openSync = () => { throw new Error('forbidden') }`,
    expected: null
  },
  'a sandbox that has files of its own, and numbers for them': {
    patch: `
      const fd = fs.openSync(file, 'w')
      fs.open = (...args) => args.at(-1)(null, fd)
      fs.openSync = () => fd
      fs.write = fs.writev = () => {}`,
    expected: ''
  },
  'a program that opens another file': {
    patch: `
      const { openSync } = fs
      fs.open = () => {}
      fs.openSync = (path, ...args) => openSync(given.file, ...args)`,
    place: 'file + ".asked"',
    expected: 'new'
  }
}

for (const [name, { patch, place = 'file', expected }] of Object.entries(REPLACED)) {
  test(`${name}, in the run that makes the stream`, async () => {
    // Not createWriteStream(): stock's makes what fs.WriteStream is by then.
    const script = `
      const { WriteStream } = require(given.module)
      ${patch}
      new WriteStream(${place}).write('new')
      process.exit()`
    const { stock, ours } = await runBoth(script, { packages: true })
    expect(stock.content?.toString() ?? null).toBe(expected === 'new' ? null : expected)
    expect(ours.content?.toString() ?? null).toBe(expected)
    expect(ours.stderr).toMatch(expected === 'new' ? /^$/ : LOST)
  })
}

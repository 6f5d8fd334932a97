'use strict'

// However a process ends, and whatever the system refuses, in the middle of a rotation: nothing is lost, no file is
// compressed twice, no half one is taken for a whole.

const { execFileSync, spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { gunzipSync } = require('node:zlib')
const { createWriteStream } = require('../..')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')
const { inOrder } = require('../helpers/log-files.js')
const { testWithFaults } = require('../helpers/strace.js')

const at = folderForEach()
const testAsUser = process.getuid?.() === 0 ? test : test.skip

const line = number => `line ${number} ${'.'.repeat(50)}\n`
const linesTo = to => Array.from({ length: to }, (_, number) => line(number)).join('')
const decode = name => name.endsWith('.gz') ? gunzipSync(fs.readFileSync(at(name))) : fs.readFileSync(at(name))
const content = () => inOrder(at(''), 'app.log').map(decode).join('')

const ROTATE = { size: 6000, compress: 'gzip', name: 'app-%i.log' }

/** Writes the lines from `from` on, and says how many are written. */
const PROGRAM = `
  const [, module, file, from, count] = process.argv
  const fs = require('node:fs')
  const out = require(module).createWriteStream(file, { rotate: ${JSON.stringify(ROTATE)} })
  const write = number => {
    if (number >= count) return out.end()
    for (let at = 0; at < 49; at++) out.write('line ' + number++ + ' ' + '.'.repeat(50) + '\\n')
    out.write('line ' + number + ' ' + '.'.repeat(50) + '\\n', () => {
      fs.writeSync(1, ++number + '\\n')
      setTimeout(write, 5, number)
    })
  }
  write(Number(from))`

/** Runs PROGRAM. @returns {Promise<{ told: number, isKilled: boolean }>} how many lines it has said to be written */
async function run (from, count, prefix = [], onStart = () => {}) {
  const [command, ...args] = [...prefix, process.execPath, '-e', PROGRAM, require.resolve('../..'), at('app.log'), String(from), String(count)]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
  onStart(child)
  let stdout = ''
  child.stdout.on('data', data => { stdout += data })
  const [code, signal] = await once(child, 'close')
  return { told: Number(stdout.trim().split('\n').at(-1)), isKilled: signal === 'SIGKILL' || code === 137 }
}

/** Each step of a rotation, by the system call that makes it, how often its thread has made it, and its file, where others come before. */
const STEPS = [
  ['flock', 1, ''],
  ['flock', 1, 'app-1.log'],
  ['getdents64', 1, ''],
  ['renameat2', 1, 'app-1.log'],
  ['renameat2', 1, 'app-2.log'],
  ['dup3', 1],
  ['fchmod', 1],
  ['fsync', 1],
  // A file without a name gets the one of a whole file.
  ['linkat', 1],
  // Of the folder.
  ['fsync', 2],
  ['utimensat', 1, 'app-1.log.gz'],
  ['unlink', 1, 'app-1.log']
]

// With --seccomp-bpf a signal would come at the first call or at none.
const faults = (call, fault, when, file) => ['strace', '-f', '-qq', '-s', '0', '-o', '/dev/null',
  ...file === undefined ? [] : ['-P', path.join(at(''), file)], '-e', `trace=${call}`, '-e', `inject=${call}:${fault}:when=${when}`]

describe.each(STEPS)('SIGKILL at %s', (call, when, file) => {
  testWithFaults(`number ${when}, of ${file ?? 'any file'}, loses nothing, and the next start finishes what was begun`, async () => {
    const { told, isKilled } = await run(0, 1000, faults(call, 'signal=SIGKILL', when, file))
    expect(isKilled).toBe(true)
    await expectAll(told)
  })
})

testWithFaults('SIGKILL between the move of a file and the next one loses nothing, and the next start begins that', async () => {
  // The call comes back late, and meanwhile all are killed.
  const running = run(0, 1000, faults('renameat2', 'delay_exit=20000000', 1, 'app-2.log'), child => {
    const timer = setInterval(() => {
      if (!fs.existsSync(at('app-2.log')) && !fs.existsSync(at('app-2.log.gz'))) return
      clearInterval(timer)
      process.kill(-child.pid, 'SIGKILL')
    }, 5)
  })
  const { told, isKilled } = await running
  expect([isKilled, fs.existsSync(at('app.log'))]).toEqual([true, false])
  await expectAll(told)
})

/** Each file that could be taken for a whole one is one, all files together are what was written, and the next start goes on. */
async function expectAll (told) {
  const written = contentOnce()
  expect(linesTo(1000).startsWith(written)).toBe(true)
  expect(written.length).toBeGreaterThanOrEqual(linesTo(told || 0).length)
  const from = written.split('\n').length - 1
  await run(from, from + 500)
  await compressed()
  expect(content()).toBe(linesTo(from + 500))
  expect(fs.readdirSync(at('')).filter(name => name.endsWith('.spillway'))).toEqual([])
}

/** As `content`, but of a file that stands there twice, compressed and not, once. */
function contentOnce () {
  const names = inOrder(at(''), 'app.log').filter(name => !name.endsWith('.spillway'))
  for (const name of names) if (names.includes(`${name}.gz`)) expect(decode(name).equals(decode(`${name}.gz`))).toBe(true)
  return names.filter(name => !names.includes(`${name}.gz`)).map(decode).join('')
}

/** Has all closed files compressed. */
async function compressed () {
  const out = createWriteStream(at('app.log'), { rotate: ROTATE })
  const plain = () => fs.readdirSync(at('')).filter(name => /\d\.log$/.test(name))
  while (plain().length > 0) await new Promise(resolve => setTimeout(resolve, 5))
  out.end()
  await once(out, 'close')
}

test('process.exit() in the middle of a compression leaves the plain file, which the next start compresses', async () => {
  const big = Buffer.alloc(30_000_000)
  for (let at = 0; at < big.length; at += 4) big.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at)
  await runScript('spillway', `
    const big = Buffer.alloc(30_000_000)
    for (let at = 0; at < big.length; at += 4) big.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at)
    const out = createWriteStream(given.log, { rotate: { size: '1m', name: 'app-%i.log', compress: { algorithm: 'gzip', level: 9 } } })
    out.write(big)
    out.write('next', () => process.exit())`, { values: { log: at('app.log') } })
  const names = fs.readdirSync(at('')).sort()
  expect(names).toEqual(['app-1.log', 'app.log'])
  expect(fs.readFileSync(at(names[0])).equals(big)).toBe(true)
  await compressed()
  expect(fs.readdirSync(at('')).sort()).toEqual([`${names[0]}.gz`, 'app.log'])
  expect(gunzipSync(fs.readFileSync(at(`${names[0]}.gz`))).equals(big)).toBe(true)
})

test('what a process that exits has accepted is in the files, however many that makes', async () => {
  await runScript('spillway', `
    const out = createWriteStream(given.log, { rotate: { size: 6000 } })
    for (let number = 0; number < 5000; number++) out.write('line ' + number + ' ' + '.'.repeat(50) + '\\n')
    process.exit()`, { values: { log: at('app.log') } })
  expect(content()).toBe(linesTo(5000))
  expect(fs.readdirSync(at('')).length).toBeGreaterThan(40)
})

/** A file system of so many bytes at `folder`. @returns {boolean} false: it may not be mounted */
function mount (folder, options) {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const testOnDisk = (name, options, run) => test(name, async () => {
  const folder = at('disk')
  fs.mkdirSync(folder)
  // A container may not mount.
  if (!mount(folder, options)) return
  try {
    await run(folder)
  } finally {
    execFileSync('umount', ['-l', folder])
  }
})

testOnDisk('where there is no room for a new file, the old one is gone on with, and a warning says so', 'nr_inodes=3', async folder => {
  // The folder has one, the log the second.
  fs.writeFileSync(path.join(folder, 'other'), '')
  const log = path.join(folder, 'app.log')
  const out = createWriteStream(log, { rotate: { size: 100 } })
  out.write('a'.repeat(80))
  out.write('b'.repeat(80))
  const [warning] = await once(out, 'warning')
  expect(warning).toMatchObject({ code: 'ENOSPC', syscall: 'open' })
  out.write('c'.repeat(80))
  fs.unlinkSync(path.join(folder, 'other'))
  out.end()
  await once(out, 'close')
  expect(fs.readdirSync(folder)).toEqual(['app.log'])
  expect(fs.readFileSync(log, 'latin1')).toBe('a'.repeat(80) + 'b'.repeat(80) + 'c'.repeat(80))
  const next = createWriteStream(log, { rotate: { size: 100 } })
  next.end('d')
  await once(next, 'close')
  expect(fs.readFileSync(log, 'latin1')).toBe('d')
})

testOnDisk('where there is no room to compress, the plain file stays, and a warning says so', 'size=1m', async folder => {
  const { randomBytes } = require('node:crypto')
  const log = path.join(folder, 'app.log')
  const out = createWriteStream(log, { rotate: { size: 600_000, compress: 'gzip' } })
  const bytes = randomBytes(600_000)
  out.write(bytes)
  out.write('next')
  const [warning] = await once(out, 'warning')
  expect(warning.code).toBe('ENOSPC')
  out.end()
  await once(out, 'close')
  const [closed, ...others] = fs.readdirSync(folder).sort()
  expect(others).toEqual(['app.log'])
  expect(fs.readFileSync(path.join(folder, closed)).equals(bytes)).toBe(true)
})

test('without a listener the process is warned', async () => {
  const { stderr } = await runScript('spillway', `
    const { execFileSync } = require('node:child_process')
    const disk = file + '.disk'
    fs.mkdirSync(disk)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'nr_inodes=2', 'tmpfs', disk], { stdio: 'ignore' })
    } catch {
      process.emitWarning('could not be rotated: ENOSPC', 'SpillwayWarning')
      process.exit()
    }
    const out = createWriteStream(disk + '/app.log', { rotate: { size: 3 } })
    out.write('abc')
    out.write('def', () => setTimeout(() => out.end(() => execFileSync('umount', ['-l', disk])), 50))`)
  expect(stderr).toMatch(/SpillwayWarning: .*could not be rotated: ENOSPC/)
})

test('a folder that is gone is one clear error', async () => {
  fs.mkdirSync(at('logs'))
  const out = createWriteStream(at('logs/app.log'), { rotate: { size: 100 } })
  out.write('x')
  await once(out, 'open')
  await new Promise(resolve => out.write('y', resolve))
  fs.rmSync(at('logs'), { recursive: true })
  out.write('z')
  const [error] = await once(out, 'error')
  expect(error).toMatchObject({ code: 'ENOENT', syscall: 'open' })
})

test('with retry it is waited for, and with mkdir it is made', async () => {
  for (const options of [{ retry: { codes: ['ENOENT'], interval: 5 } }, { mkdir: true }]) {
    fs.mkdirSync(at('logs'))
    const out = createWriteStream(at('logs/app.log'), { rotate: { size: 100 }, ...options })
    await new Promise(resolve => out.write('y', resolve))
    fs.rmSync(at('logs'), { recursive: true })
    const stalled = once(out, 'stall')
    out.write('z')
    if (options.retry) {
      const [error] = await stalled
      expect(error).toMatchObject({ code: 'ENOENT', syscall: 'open' })
      fs.mkdirSync(at('logs'))
    }
    out.end()
    await once(out, 'close')
    expect(fs.readFileSync(at('logs/app.log'), 'latin1')).toBe('z')
    fs.rmSync(at('logs'), { recursive: true })
  }
})

testAsUser('permissions that are lost are one clear error, and nothing that was written before is lost', async () => {
  fs.chmodSync(at(''), 0o777)
  const { stdout } = await runScript('spillway', `
    const out = createWriteStream(given.log, { rotate: { size: 100 } })
    process.setegid(65534)
    process.seteuid(65534)
    out.on('error', error => console.log(error.code, error.syscall))
    out.write('a'.repeat(90), () => {
      process.seteuid(0)
      fs.chmodSync(given.folder, 0o755)
      process.seteuid(65534)
      out.write('b'.repeat(90))
    })`, { values: { log: at('app.log'), folder: at('') } })
  expect(stdout).toBe('EACCES rename\n')
  expect(fs.readFileSync(at('app.log'), 'latin1')).toBe('a'.repeat(90))
})

testAsUser('a file that is made read-only is gone on with, and so are the next ones', async () => {
  fs.chmodSync(at(''), 0o777)
  const { stderr } = await runScript('spillway', `
    process.setegid(65534)
    process.seteuid(65534)
    const out = createWriteStream(given.log, { rotate: { size: 100 } })
    out.write('a'.repeat(90), () => {
      fs.chmodSync(given.log, 0o444)
      for (const letter of 'bcd') out.write(letter.repeat(90))
      out.end()
    })`, { values: { log: at('app.log') } })
  expect(stderr).toBe('')
  expect(content()).toBe('abcd'.replace(/./g, letter => letter.repeat(90)))
})

testAsUser('a stream that begins with a file that is read-only, or reopens one, has one clear error, and with retry a stall', async () => {
  fs.chmodSync(at(''), 0o777)
  const { stdout } = await runScript('spillway', `
    fs.writeFileSync(given.log, '')
    fs.chownSync(given.log, 65534, 65534)
    process.setegid(65534)
    process.seteuid(65534)
    const tell = name => error => console.log(name, error.code, error.syscall)
    const reopened = createWriteStream(given.log, { flags: 'a', retry: { codes: ['EACCES'], interval: 5 } })
    reopened.on('error', tell('reopened'))
    reopened.on('stall', error => {
      tell('stall')(error)
      const begun = createWriteStream(given.log, { rotate: { size: 100 } })
      begun.on('error', tell('begun'))
      begun.on('close', () => fs.chmodSync(given.log, 0o644))
    })
    reopened.write('before ', () => {
      fs.chmodSync(given.log, 0o444)
      reopened.reopen()
      reopened.end('behind')
    })`, { values: { log: at('app.log') } })
  expect(stdout.trim().split('\n')).toEqual(['stall EACCES open', 'begun EACCES open'])
  expect(fs.readFileSync(at('app.log'), 'latin1')).toBe('before behind')
})

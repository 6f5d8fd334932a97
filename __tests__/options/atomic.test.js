'use strict'

// `atomic`: whoever looks finds the old file or the new one, whole, whatever happens.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { finished, pipeline } = require('node:stream/promises')
const { createWriteStream } = require('../..')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')
const { withoutTmpfile } = require('../helpers/no-tmpfile.js')
const { openFiles } = require('../helpers/open-files.js')
const { testWithFaults, callsIn, countInjected } = require('../helpers/strace.js')
const { smallDisk } = require('../helpers/targets.js')

const at = folderForEach()
const ROOT = path.join(__dirname, '..', '..')
const read = (name = 'file') => fs.readFileSync(at(name), 'latin1')
const names = (folder = '') => fs.readdirSync(at(folder)).sort()
const isRoot = process.getuid?.() === 0

/** How often a writer is killed. */
const KILLS = Number(process.env.SPILLWAY_KILLS ?? 100)

const named = withoutTmpfile()
afterAll(() => named?.remove())

/** The size of a large file, in MiB. */
const MIB_OF_ONE = Number(process.env.SPILLWAY_MIB ?? 256)

/** Each way: a temporary file without a name, where the system has such, or with one. */
const WAYS = { 'without a name': [], ...(named && { 'with a name': named.prefix }) }
if (named === null) test.skip('a temporary file with a name: no C compiler to make a system that has no others', () => {})

/** As a Node program, in which `target` is the file. */
function run (script, { prefix = [], values, args } = {}) {
  return runScript('spillway', `
    const { once } = require('node:events')
    const target = given.target
    const create = options => createWriteStream(target, { atomic: true, ...options })
    const main = async () => { ${script} }
    main()`, { values: { target: at('file'), ...values }, prefix, args })
}

describe.each(Object.entries(WAYS))('a temporary file %s', (name, prefix) => {
  const isNamed = prefix.length > 0
  const go = (script, options) => run(script, { prefix, ...options })

  test('a new file is there from \'finish\' on, and nothing else', async () => {
    const { code, stdout } = await go(`
      const look = () => console.log(fs.existsSync(target), fs.readdirSync(require('node:path').dirname(target)).length)
      const out = create()
      console.log(out.path === target, out.pending)
      await once(out, 'open')
      console.log(typeof out.fd, out.path === target)
      look()
      await new Promise(resolve => out.write('text', resolve))
      out.flushSync()
      await out.sync()
      look()
      out.on('finish', look)
      out.end()
      await once(out, 'close')
      console.log(out.bytesWritten, out.stats().writtenBytes)`)
    const temporaries = isNamed ? 1 : 0
    expect([code, stdout]).toEqual([0, `true true\nnumber true\nfalse ${temporaries}\nfalse ${temporaries}\ntrue 1\n4 4\n`])
    expect([names(), read()]).toEqual([['file'], 'text'])
  })

  test('an old one is whole until then; who has it open keeps it; its mode and owner stay', async () => {
    fs.writeFileSync(at('file'), 'the old one')
    fs.chmodSync(at('file'), 0o640)
    if (isRoot) fs.chownSync(at('file'), 4711, 4712)
    const before = fs.statSync(at('file'))
    const { stdout } = await go(`
      const held = fs.openSync(target, 'r')
      const out = create({ mode: 0o600 })
      await new Promise(resolve => out.write('the new', resolve))
      console.log(fs.readFileSync(target, 'latin1'))
      out.end(' one')
      await once(out, 'finish')
      console.log(fs.readFileSync(target, 'latin1'))
      console.log(fs.readFileSync(held, 'latin1'))`)
    expect(stdout).toBe('the old one\nthe new one\nthe old one\n')
    const after = fs.statSync(at('file'))
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid])
    expect(after.ino).not.toBe(before.ino)
    expect(names()).toEqual(['file'])
  })

  test('the mode of a new one is as ever', async () => {
    await go('process.umask(0o027); create({ mode: 0o666 }).end("text")')
    expect(fs.statSync(at('file')).mode & 0o777).toBe(0o640)
  })

  test('an empty one, and one with what was copied', async () => {
    fs.writeFileSync(at('file'), 'old')
    await go('create().end()')
    expect([read(), names()]).toEqual(['', ['file']])
    fs.writeFileSync(at('source'), Buffer.alloc(3_000_000, 'source '))
    await go(`
      const { pipeline } = require('node:stream/promises')
      const source = require('node:path').join(target, '..', 'source')
      const out = create()
      out.write('head')
      await out.writeFrom(source)
      await pipeline(fs.createReadStream(source), out)`)
    expect(read()).toBe('head' + read('source') + read('source'))
  })

  const ENDS = {
    'destroy()': 'out.destroy()',
    'destroy(error)': 'out.on("error", () => {}).destroy(new Error("mine"))',
    'destroy() before it is open': null,
    'an aborted signal': 'out.on("error", () => {}); controller.abort()',
    'a source that fails': 'await require("node:stream/promises").pipeline(async function * () { yield "a"; throw new Error("mine") }, out).catch(() => {})',
    'a chunk that can\'t be written': 'out.on("error", () => {}); try { out.write(5) } catch {} out.destroy()'
  }
  for (const [end, script] of Object.entries(ENDS)) {
    test(`${end}: the old file stays, and no other`, async () => {
      fs.writeFileSync(at('file'), 'old')
      const { code } = await go(`
        const controller = new AbortController()
        const out = create({ signal: controller.signal })
        const closed = new Promise(resolve => out.once('close', resolve))
        out.write('new')
        ${script === null ? 'out.on("error", () => {}).destroy()' : `await new Promise(resolve => out.write('and more', resolve)); ${script}`}
        await closed
        const files = fs.readdirSync(require('node:path').dirname(target))
        if (files.length !== 1) throw new Error(files)`)
      expect([code, read(), names()]).toEqual([0, 'old', ['file']])
    })
  }

  const OPEN = 'const out = create(); await new Promise(resolve => out.write("new", resolve));'
  const WORKER = script => `
    const { Worker, isMainThread, parentPort } = require('node:worker_threads')
    if (isMainThread) {
      const worker = new Worker(__filename)
      worker.on('message', () => worker.terminate()).on('error', () => {})
    } else { ${script} }`
  const EXITS = {
    'process.exit() in the run that makes it': 'create().write("new"); process.exit(0)',
    'process.exit() when it is open': 'create().on("open", () => process.exit(0))',
    'process.exit() when it has bytes': `${OPEN} process.exit(0)`,
    'process.exit() in the middle of many': 'const out = create(); out.write("x"); out.on("open", () => { for (let at = 0; at < 100; at++) out.write(Buffer.alloc(100_000)); process.exit(0) })',
    'an uncaught error': `${OPEN} process.nextTick(() => { throw new Error('mine') })`,
    'falling off the end': OPEN,
    'falling off the end when the stream is garbage': `await (async () => { ${OPEN} })(); gc(); setTimeout(gc, 50)`,
    'process.reallyExit()': `${OPEN} process.reallyExit(0)`,
    'an exit whose event is heard by nobody': `${OPEN} process.emit = () => {}; process.exit(0)`,
    'a flush before it': `${OPEN} out.write("more"); out.flushSync(); process.exit(0)`,
    'process.exit() in a worker': WORKER(`${OPEN} process.exit(0)`),
    'the end of a worker': WORKER(OPEN),
    'worker.terminate()': WORKER(`${OPEN} parentPort.postMessage('written'); for (;;);`)
  }
  for (const [exit, script] of Object.entries(EXITS)) {
    test(`${exit}, before end(): the old file stays, and no other`, async () => {
      fs.writeFileSync(at('file'), 'old')
      await go(script, { args: ['--expose-gc'] })
      expect([read(), names()]).toEqual(['old', ['file']])
    })
  }

  const LATE = {
    'end(), then process.exit()': 'const out = create(); out.write("new"); out.end(); process.exit(0)',
    'end() of one that is open, then process.exit()': `${OPEN} out.end(); process.exit(0)`,
    'end(), then an uncaught error': `${OPEN} out.end(); process.nextTick(() => { throw new Error('mine') })`,
    'end() by a listener for exit': `${OPEN} process.on('exit', () => { out.end() }); process.exit(0)`,
    'one that a listener for exit makes, writes and ends': 'process.on("exit", () => { create().end("new") })',
    'a last chunk that a listener for exit gives to end()': 'const out = create(); await new Promise(resolve => out.write("ne", resolve)); process.on("exit", () => { out.end("w") }); process.exit(0)',
    'end(), then the exit of a worker': WORKER(`${OPEN} out.end(); process.exit(0)`)
  }
  for (const [exit, script] of Object.entries(LATE)) {
    test(`${exit}: the new file is there, and no other`, async () => {
      fs.writeFileSync(at('file'), 'old')
      await go(script)
      expect([read(), names()]).toEqual(['new', ['file']])
    })
  }

  test('after SIGKILL the old file is whole; the next stream to it removes what was left', async () => {
    fs.writeFileSync(at('file'), 'old')
    const { code } = await go(`${OPEN} process.kill(process.pid, 'SIGKILL')`)
    expect([code, read(), names().length]).toEqual(['SIGKILL', 'old', isNamed ? 2 : 1])
    // To another file: it is not its business.
    await run('createWriteStream(target + "2", { atomic: true }).end("text")')
    expect(names()).toHaveLength(isNamed ? 3 : 2)
    await run('create().end("new")')
    expect([read(), names()]).toEqual(['new', ['file', 'file2']])
  })

  test('what a living process, or another stream of the same, is still writing is not removed', async () => {
    const { code, stdout } = await go(`
      const first = create()
      await new Promise(resolve => first.write('first', resolve))
      const program = \`require(\${JSON.stringify(given.module)}).createWriteStream(\${JSON.stringify(target)}, { atomic: true }).end('other')\`
      require('node:child_process').execFileSync(process.execPath, ['-e', program])
      console.log(fs.readFileSync(target, 'latin1'))
      const second = create().end('second')
      await once(second, 'close')
      console.log(fs.readFileSync(target, 'latin1'))
      first.end()
      await once(first, 'close')
      console.log(fs.readFileSync(target, 'latin1'))`, { values: { module: ROOT } })
    expect([code, stdout, names()]).toEqual([0, 'other\nsecond\nfirst\n', ['file']])
  })

  testWithFaults('the file is on the device before it takes its place, and that after', async () => {
    for (const [atomic, expected] of [
      // Where nothing was.
      [true, ['writev', 'fsync', isNamed ? 'renameat' : 'linkat', 'fsync', 'pwrite64']],
      [true, ['writev', 'fsync', ...(isNamed ? [] : ['linkat']), 'renameat', 'fsync', 'pwrite64']],
      [{}, ['writev', 'fsync', ...(isNamed ? [] : ['linkat']), 'renameat', 'fsync', 'pwrite64']],
      [{ durable: false }, ['writev', ...(isNamed ? [] : ['linkat']), 'renameat', 'pwrite64']]
    ]) {
      const { stderr } = await run(`
        const acks = fs.openSync(target + '.acks', 'w')
        const out = create({ atomic: given.atomic })
        out.on('finish', () => { fs.writeSync(acks, 'x', 0) })
        out.end('text')`, { values: { atomic }, prefix: [...['strace', '-f', '--seccomp-bpf', '-qq', '-s', '0', '-e', 'trace=writev,fsync,linkat,renameat,renameat2,pwrite64'], ...prefix] })
      const calls = callsIn(stderr).map(call => call.replace('renameat2', 'renameat'))
      // Node's own threads write to each other, by other calls.
      expect(calls.slice(calls.indexOf('writev'))).toEqual(expected)
      expect(read()).toBe('text')
    }
  })

  testWithFaults('a hundred that end together are synced each, and their folder not for each', async () => {
    const { code, stderr } = await run(`
      const outs = Array.from({ length: 100 }, (_, number) => createWriteStream(target + number, { atomic: true }).end('text'))
      await Promise.all(outs.map(out => once(out, 'finish')))`, { prefix: [...['strace', '-f', '--seccomp-bpf', '-qq', '-s', '0', '-e', 'trace=fsync'], ...prefix] })
    expect([code, names()]).toEqual([0, Array.from({ length: 100 }, (_, number) => `file${number}`).sort()])
    const syncs = callsIn(stderr).length
    expect(syncs).toBeGreaterThan(100)
    // How many come together is a matter of time.
    expect(syncs).toBeLessThan(195)
  })

  for (const [call, code, expected] of [['fsync', 'EIO', 'fsync'], ['fsync', 'ENOSPC', 'fsync'], ['?renameat,?renameat2', 'EIO', 'rename']]) {
    testWithFaults(`${expected} fails with ${code}: the stream's error, once and for all; the old file stays, and no other`, async () => {
      fs.writeFileSync(at('file'), 'old')
      const { code: exit, stdout, stderr } = await run(`
        const log = []
        const out = create({ retry: { codes: ['EIO', 'ENOSPC'], interval: 1 } })
        out.on('error', ({ code, syscall }) => log.push(['error', code, syscall]))
        out.on('finish', () => log.push('finish'))
        out.on('stall', () => log.push('stall'))
        out.end('new', error => log.push(['ended', error?.code]))
        await new Promise(resolve => out.once('close', resolve))
        console.log(JSON.stringify(log))`, { prefix: ['strace', '-f', '--seccomp-bpf', '-qq', '-s', '0', '-e', `trace=${call}`, '-e', `inject=${call}:error=${code}:when=1`, ...prefix] })
      expect([exit, countInjected(stderr)]).toEqual([0, 1])
      expect(JSON.parse(stdout).sort()).toEqual([['ended', code], ['error', code, expected]])
      expect([read(), names()]).toEqual(['old', ['file']])
    })
  }

  test('a name as long as names may be, in a folder that the program leaves meanwhile', async () => {
    const long = 'x'.repeat(255)
    const { code } = await go(`
      const path = require('node:path')
      process.chdir(path.dirname(target))
      const out = createWriteStream(given.long, { atomic: true })
      await new Promise(resolve => out.write('te', resolve))
      process.chdir('/')
      out.end('xt')`, { values: { long } })
    expect([code, names(), read(long)]).toEqual([0, [long], 'text'])
  })

  test(`whoever looks while writers are killed ${KILLS} times sees one file or the other`, async () => {
    const WRITER = `
      const { createWriteStream } = require(${JSON.stringify(ROOT)})
      const [, target] = process.argv
      let version = process.pid * 1000
      const next = () => {
        const line = 'version ' + version++ + '\\n'
        const out = createWriteStream(target, { atomic: { durable: false } })
        const count = 1 + version % 400
        out.write(count + '\\n')
        for (let at = 0; at < count; at++) out.write(line.repeat(10))
        out.end('end\\n')
        out.on('close', next)
      }
      next()`
    fs.writeFileSync(at('file'), '0\nend\n')
    const target = at('file')
    const left = Array.from({ length: KILLS }, (_, at) => at)
    const kill = async () => {
      for (let number; (number = left.pop()) !== undefined;) {
        const [command, ...rest] = [...prefix, process.execPath, '-e', WRITER, target]
        const child = spawn(command, rest, { stdio: 'ignore' })
        const seen = fs.statSync(target).ino
        // It has begun to replace the file, or is about to.
        for (let turns = 0; turns < 2000 && fs.statSync(target).ino === seen; turns++) await new Promise(resolve => setTimeout(resolve, 1))
        await new Promise(resolve => setTimeout(resolve, number % 17))
        child.kill('SIGKILL')
        await once(child, 'close')
      }
    }
    let looks = 0
    const versions = new Set()
    const look = async () => {
      while (left.length > 0) {
        looks++
        const lines = read().split('\n')
        versions.add(lines[1])
        const [count, ...rest] = lines
        const isWhole = rest.length === count * 10 + 2 && rest.at(-2) === 'end' && new Set(rest.slice(0, -2)).size <= 1
        if (!isWhole) throw new Error(`a part: ${lines.length} lines, ${count}`)
        await new Promise(resolve => setImmediate(resolve))
      }
    }
    await Promise.all([look(), kill(), kill()])
    expect(looks).toBeGreaterThan(KILLS)
    expect(versions.size).toBeGreaterThan(KILLS / 4)
    await run('create().end("new")')
    expect([read(), names()]).toEqual(['new', ['file']])
  }, 600_000)
})

describe('temporary files of others', () => {
  /** When a process began: proc(5). */
  const startOf = pid => fs.readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ')[19]

  test('only those of this file whose process is dead go', async () => {
    const mine = startOf(process.pid)
    const left = ['.file.4194303-1-0.spillway', `.file.${process.pid}-${Number(mine) - 1}-7.spillway`]
    const kept = [`.file.${process.pid}-${mine}-0.spillway`, '.file2.4194303-1-0.spillway', '.file.4194303-1.spillway', '.file.x-y-z.spillway', '.file.4194303-1-0.other', 'file.4194303-1-0.spillway']
    for (const name of [...left, ...kept]) fs.writeFileSync(at(name), 'x')
    await finished(createWriteStream(at('file'), { atomic: true }).end('text'))
    expect(names()).toEqual([...kept, 'file'].sort())
  })

  test('one that is locked, by a process that is not seen from here, stays', async () => {
    const name = '.file.4194303-1-0.spillway'
    fs.writeFileSync(at(name), 'x')
    const holder = spawn('flock', ['--shared', at(name), 'sh', '-c', 'echo locked; read line'], { stdio: ['pipe', 'pipe', 'inherit'] })
    const hasFlock = await Promise.race([once(holder, 'error').then(() => false), once(holder.stdout, 'data').then(() => true)])
    if (!hasFlock) return
    await finished(createWriteStream(at('file'), { atomic: true }).end('text'))
    expect(names()).toEqual([name, 'file'])
    holder.stdin.end('\n')
    await once(holder, 'close')
    await finished(createWriteStream(at('file'), { atomic: true }).end('text'))
    expect(names()).toEqual(['file'])
  })
})

describe('what is at the path', () => {
  const write = (name, options) => finished(createWriteStream(at(name), { atomic: true, ...options }).end('new'))

  test.each([
    ['a relative link', () => fs.symlinkSync('folder/real', at('file'))],
    ['an absolute one', () => fs.symlinkSync(at('folder/real'), at('file'))],
    ['a link to a link', () => { fs.symlinkSync('folder/second', at('file')); fs.symlinkSync('real', at('folder/second')) }],
    ['a link through a folder that is one', () => { fs.symlinkSync('folder', at('alias')); fs.symlinkSync('alias/real', at('file')) }]
  ])('%s: what it leads to is replaced, and it stays', async (name, link) => {
    for (const isThere of [true, false]) {
      fs.rmSync(at(''), { recursive: true })
      fs.mkdirSync(at('folder'), { recursive: true })
      if (isThere) fs.writeFileSync(at('folder/real'), 'old')
      link()
      await write('file')
      expect([read(), read('folder/real'), fs.lstatSync(at('file')).isSymbolicLink()]).toEqual(['new', 'new', true])
      expect(fs.lstatSync(at('folder/real')).isFile()).toBe(true)
      expect(names('folder').filter(name => name.startsWith('.'))).toEqual([])
    }
  })

  const ERRORS = {
    ELOOP: ['links in a circle', () => { fs.symlinkSync('file', at('other')); fs.symlinkSync('other', at('file')) }],
    EISDIR: ['a folder', () => fs.mkdirSync(at('file'))],
    ENOENT: ['a folder that is missing', () => {}, 'missing/file'],
    ENOTDIR: ['a file in the place of the folder', () => fs.writeFileSync(at('a'), ''), 'a/file'],
    EINVAL: ['a device', () => {}, '/dev/null']
  }
  for (const [code, [name, make, target = 'file']] of Object.entries(ERRORS)) {
    test(`${name}: ${code}, with the path that was wanted`, async () => {
      make()
      const file = target.startsWith('/') ? target : at(target)
      const out = createWriteStream(file, { atomic: true })
      const events = []
      for (const name of ['open', 'ready', 'finish', 'error', 'close']) out.on(name, () => events.push(name))
      const told = new Promise(resolve => out.write('new', resolve))
      const closed = new Promise(resolve => out.once('close', resolve))
      const [error] = await once(out, 'error')
      expect(error).toMatchObject({ code, syscall: 'open', path: file })
      expect((await told).code).toMatch(/^E/)
      await closed
      expect(events).toEqual(['error', 'close'])
    })
  }

  test('a path that ends with a slash is a folder\'s', async () => {
    await expect(finished(createWriteStream(`${at('file')}/`, { atomic: true }).end('x'))).rejects.toMatchObject({ code: 'EISDIR', syscall: 'open' })
    expect(names()).toEqual([])
  })

  const asUser = isRoot ? test : test.skip
  asUser('one that may not be written, or whose folder may not: EACCES', async () => {
    fs.chmodSync(at(''), 0o777)
    fs.writeFileSync(at('file'), 'old', { mode: 0o644 })
    fs.mkdirSync(at('closed'), { mode: 0o755 })
    const { stdout } = await run(`
      process.setgroups([])
      process.setgid(65534)
      process.setuid(65534)
      for (const path of [target, require('node:path').join(target, '..', 'closed', 'file')]) {
        const out = createWriteStream(path, { atomic: true })
        out.on('error', ({ code, syscall, path: of }) => console.log(code, syscall, of === path))
        out.end('new')
        await new Promise(resolve => out.once('close', resolve))
      }`)
    expect(stdout).toBe('EACCES open true\nEACCES open true\n')
    expect(read()).toBe('old')
  })

  test('\'wx\': EEXIST, at once or if somebody comes before the end', async () => {
    fs.writeFileSync(at('file'), 'old')
    await expect(write('file', { flags: 'wx' })).rejects.toMatchObject({ code: 'EEXIST', syscall: 'open', path: at('file') })
    fs.rmSync(at('file'))
    const out = createWriteStream(at('file'), { atomic: true, flags: 'wx' })
    await new Promise(resolve => out.write('new', resolve))
    fs.writeFileSync(at('file'), 'another\'s')
    await expect(finished(out.end())).rejects.toMatchObject({ code: 'EEXIST' })
    if (!out.closed) await once(out, 'close')
    expect([read(), names()]).toEqual(['another\'s', ['file']])
    fs.rmSync(at('file'))
    await write('file', { flags: 'wx' })
    expect([read(), names()]).toEqual(['new', ['file']])
  })

  test('it need not be UTF-8', async () => {
    const name = Buffer.concat([Buffer.from(at('name')), Buffer.from([0xff, 0x66])])
    await finished(createWriteStream(name, { atomic: true }).end('new'))
    expect(fs.readFileSync(name, 'latin1')).toBe('new')
  })
})

describe('a disk of 1 MiB', () => {
  const disk = smallDisk(1024 * 1024)
  const onDisk = disk === null ? test.skip : test
  afterAll(() => disk?.remove())

  onDisk('that is full keeps the old file, and the room', async () => {
    const file = `${disk.folder}/file`
    fs.writeFileSync(file, Buffer.alloc(500_000, 'old'))
    const out = createWriteStream(file, { atomic: true })
    out.end(Buffer.alloc(700_000))
    await expect(finished(out)).rejects.toMatchObject({ code: 'ENOSPC', syscall: 'write' })
    if (!out.closed) await once(out, 'close')
    expect(fs.readFileSync(file).equals(Buffer.alloc(500_000, 'old'))).toBe(true)
    expect(fs.readdirSync(disk.folder)).toEqual(['file'])
    await finished(createWriteStream(file, { atomic: true }).end(Buffer.alloc(400_000, 'new')))
    expect(fs.readFileSync(file).equals(Buffer.alloc(400_000, 'new'))).toBe(true)
  })

  onDisk('is waited for: the old file stays meanwhile', async () => {
    const [file, filler] = ['file', 'filler'].map(name => `${disk.folder}/${name}`)
    fs.writeFileSync(file, 'old')
    fs.writeFileSync(filler, Buffer.alloc(900_000))
    const out = createWriteStream(file, { atomic: true, retry: { interval: 5 } })
    out.write(Buffer.alloc(600_000, 'new'))
    await once(out, 'stall')
    expect(fs.readFileSync(file, 'latin1')).toBe('old')
    fs.rmSync(filler)
    await finished(out.end())
    expect(fs.readFileSync(file).equals(Buffer.alloc(600_000, 'new'))).toBe(true)
  })
})

test(`a file of ${MIB_OF_ONE} MiB takes no more memory than the high-water mark and 8 MiB`, async () => {
  const { stdout } = await run(`
    const rss = () => Number(/VmRSS:\\s+(\\d+)/.exec(fs.readFileSync('/proc/self/status', 'latin1'))[1]) * 1024
    const chunk = Buffer.alloc(64 * 1024)
    let most = 0
    const write = async mib => {
      const out = create({ atomic: { durable: false } })
      for (let at = 0; at < mib * 16; at++) {
        if (!out.write(chunk)) await once(out, 'drain')
        if (at % 64 === 0) most = Math.max(most, rss())
      }
      out.end()
      await once(out, 'close')
    }
    await write(8)
    gc()
    const before = most = rss()
    await write(given.mib)
    console.log(most - before)`, { values: { mib: MIB_OF_ONE }, args: ['--expose-gc'] })
  expect(fs.statSync(at('file')).size).toBe(MIB_OF_ONE * 1024 * 1024)
  expect(Number(stdout)).toBeLessThan((1 + 8) * 1024 * 1024)
})

test('no descriptor is left, however it ends', async () => {
  for (let round = 0; round < 20; round++) {
    const out = createWriteStream(at('file'), { atomic: true })
    const closed = new Promise(resolve => out.once('close', resolve))
    out.on('error', () => {})
    out.write('text')
    if (round % 3 === 0) out.end()
    else if (round % 3 === 1) out.destroy()
    else once(out, 'open').then(() => out.destroy())
    await closed
  }
  for (let turns = 0; turns < 100 && openFiles(at('')).length > 0; turns++) await new Promise(resolve => setTimeout(resolve, 10))
  expect([openFiles(at('')), names()]).toEqual([[], ['file']])
})

test('a hundred at once into one file: it is one of them', async () => {
  const outs = Array.from({ length: 100 }, (_, number) => createWriteStream(at('file'), { atomic: { durable: false } }).end(`${number} `.repeat(1000)))
  await Promise.all(outs.map(out => finished(out)))
  const [number] = read().split(' ')
  expect(read()).toBe(`${number} `.repeat(1000))
  expect(names()).toEqual(['file'])
})

test('pipeline() with what fails leaves the old file', async () => {
  fs.writeFileSync(at('file'), 'old')
  await expect(pipeline(fs.createReadStream(at('missing')), createWriteStream(at('file'), { atomic: true }))).rejects.toMatchObject({ code: 'ENOENT' })
  expect([read(), names()]).toEqual(['old', ['file']])
})

test.each([
  [{ atomic: 'yes' }, 'ERR_INVALID_ARG_TYPE', 'options.atomic'],
  [{ atomic: 1 }, 'ERR_INVALID_ARG_TYPE', 'options.atomic'],
  [{ atomic: { durable: 'no' } }, 'ERR_INVALID_ARG_TYPE', 'options.atomic.durable']
])('%j is refused: %s', (options, code, name) => {
  expect(() => createWriteStream(at('file'), options)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(name) }))
})

test('false and null mean no', async () => {
  for (const atomic of [false, null, undefined]) await finished(createWriteStream(at('file'), { atomic, flags: 'a' }).end('x'))
  expect(read()).toBe('xxx')
})

'use strict'

// `mkdir: true`: the folders of the file are made, as fs.mkdir with `recursive` does.

const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { finished } = require('node:stream/promises')
const { createWriteStream } = require('../..')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')

const at = folderForEach()
const read = name => fs.readFileSync(at(name), 'latin1')

test.each([
  ['one that is missing', 'a/file'],
  ['several', 'a/b/c/d/file'],
  ['none', 'file'],
  ['a path that goes back', 'a/b/../c/file']
])('%s', async (name, file) => {
  fs.mkdirSync(at('a'))
  await finished(createWriteStream(at(file), { mkdir: true }).end('text'))
  expect(read(file)).toBe('text')
})

test('a path may be a Buffer, a URL, or relative', async () => {
  await finished(createWriteStream(Buffer.from(at('a/file')), { mkdir: true }).end('text'))
  await finished(createWriteStream(pathToFileURL(at('b/file')), { mkdir: true }).end('text'))
  const { code } = await runScript('spillway', `
    process.chdir(require('node:path').dirname(file))
    createWriteStream('c/d/file', { mkdir: true }).end('text').on('close', () => {
      createWriteStream('file2', { mkdir: true }).end('text').on('close', () => console.log(fs.readFileSync('c/d/file', 'latin1') + fs.readFileSync('file2', 'latin1')))
    })`)
  expect([code, read('a/file'), read('b/file')]).toEqual([0, 'text', 'text'])
})

test('a folder that is no UTF-8', async () => {
  const folder = Buffer.concat([Buffer.from(at('folder')), Buffer.from([0xff])])
  const file = Buffer.concat([folder, Buffer.from('/file')])
  await finished(createWriteStream(file, { mkdir: true }).end('text'))
  expect(fs.readFileSync(file, 'latin1')).toBe('text')
})

test('its mode is that of fs.mkdir', async () => {
  await finished(createWriteStream(at('ours/b/file'), { mkdir: true, mode: 0o600 }).end())
  fs.mkdirSync(at('nodes/b'), { recursive: true })
  for (const name of ['', '/b']) expect(fs.statSync(at(`ours${name}`)).mode).toBe(fs.statSync(at(`nodes${name}`)).mode)
})

test('a folder that is there is left as it is, and so is a file in it', async () => {
  fs.mkdirSync(at('a'), { mode: 0o700 })
  fs.writeFileSync(at('a/file'), 'old ')
  await finished(createWriteStream(at('a/file'), { mkdir: true, flags: 'a' }).end('new'))
  expect([read('a/file'), fs.statSync(at('a')).mode & 0o777]).toEqual(['old new', 0o700])
})

/** The errors of each, of `fs.mkdir` and ours. */
const ERRORS = {
  'a file in the place of the folder': 'a/file',
  'a file in the middle': 'a/b/c/file',
  'a name that is too long': `${'x'.repeat(300)}/file`,
  // Not in /proc, where Node's own comes to no end.
  'a folder in which nothing can be made': '/sys/nothing/file'
}
for (const [name, file] of Object.entries(ERRORS)) {
  test(`${name}: the error is that of fs.mkdir, or of the open`, async () => {
    fs.writeFileSync(at('a'), '')
    const target = file.startsWith('/') ? file : at(file)
    const expected = await fs.promises.mkdir(path.dirname(target), { recursive: true }).then(() => null, error => error)
    const out = createWriteStream(target, { mkdir: true })
    const told = new Promise(resolve => out.write('x', resolve))
    const closed = new Promise(resolve => out.once('close', resolve))
    const [error] = await once(out, 'error')
    expect(error).toMatchObject({ code: expected.code, syscall: expected.syscall, path: expected.path, message: expected.message })
    expect((await told).code).toMatch(/^E/)
    await closed
  })
}

test('a flag that does not make the file: the error is that of the open', async () => {
  const out = createWriteStream(at('a/file'), { mkdir: true, flags: 'r+' })
  const [error] = await once(out, 'error')
  expect(error).toMatchObject({ code: 'ENOENT', syscall: 'open', path: at('a/file') })
})

test('without it nothing is made', async () => {
  const [error] = await once(createWriteStream(at('a/file'), { mkdir: false }), 'error')
  expect([error.code, fs.existsSync(at('a'))]).toEqual(['ENOENT', false])
})

const SCRIPTS = {
  'an exit in the same run': 'out.write("text"); process.exit(0)',
  'a flush in the same run': 'out.write("text"); out.flushSync(); process.reallyExit(0)',
  'a loop that never yields': 'out.write("text".padEnd(2_000_000)); out.write(" "); while (fs.statSync(target).size < 2_000_000); process.reallyExit(0)',
  'a listener for exit': null
}
for (const [name, script] of Object.entries(SCRIPTS)) {
  for (const where of ['the main thread', 'a worker']) {
    // There a flag of Node's is missing.
    if (where === 'a worker' && /reallyExit/.test(script)) continue
    test(`${name}, in ${where}`, async () => {
      const { code, stderr } = await runScript('spillway', `
        const { target } = given
        const { Worker, isMainThread } = require('node:worker_threads')
        const go = () => {
          ${script === null ? 'process.on("exit", () => createWriteStream(target, { mkdir: true }).write("text"))' : `const out = createWriteStream(target, { mkdir: true }); ${script}`}
        }
        if (given.inWorker && isMainThread) new Worker(__filename)
        else go()`, { values: { target: at('a/b/file'), inWorker: where === 'a worker' } })
      expect([code, stderr, read('a/b/file').trim()]).toEqual([0, '', 'text'])
    })
  }
}

test('a hundred streams into folders that none of them finds', async () => {
  const outs = Array.from({ length: 100 }, (_, number) => createWriteStream(at(`a/b/${number % 7}/c/${number}`), { mkdir: true }).end(`${number}`))
  await Promise.all(outs.map(out => finished(out)))
  expect(outs.map((_, number) => read(`a/b/${number % 7}/c/${number}`))).toEqual(outs.map((_, number) => `${number}`))
})

test('with an `fs` of the program\'s Node makes them', async () => {
  const opened = []
  const open = (...args) => { opened.push(args[0]); return fs.open(...args) }
  await finished(createWriteStream(at('a/b/file'), { mkdir: true, fs: { ...fs, open } }).end('text'))
  expect([opened, read('a/b/file')]).toEqual([[at('a/b/file')], 'text'])
})

test.each([['yes'], [1], [{}]])('mkdir: %p is refused', mkdir => {
  expect(() => createWriteStream(at('file'), { mkdir })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE', message: expect.stringContaining('options.mkdir') }))
})

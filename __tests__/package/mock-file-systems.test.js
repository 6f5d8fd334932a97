'use strict'

// File systems that live in the process, by mock-fs and memfs: a descriptor of theirs stands for
// anything in the system, and a path of theirs for another file. No byte of those is copied.

const { spawnSync } = require('node:child_process')
const path = require('node:path')
const { runScript } = require('../helpers/child.js')

const ROOT = path.join(__dirname, '..', '..')
const MIB = 1024 * 1024

/** mock-fs 5.5 reads what Node 26 no longer has. */
const hasMockFs = spawnSync(process.execPath, ['-e', 'require("mock-fs")'], { cwd: ROOT }).status === 0

/** For each, `mock(files)`: puts these into the place of the system's, by their paths; `mock.restore()`. */
const MOCKS = {
  'mock-fs': `
    const mock = require(given.modules + '/mock-fs')`,
  memfs: `
    const { vol } = require(given.modules + '/memfs')
    const { patchFs } = require(given.modules + '/fs-monkey')
    let restore
    const mock = files => {
      vol.fromJSON(Object.fromEntries(Object.entries(files).map(([name, content]) => [name, String(content)])))
      restore = patchFs(vol)
    }
    mock.restore = () => restore()`
}

/** What `script` shows, an array for each call. Its stream `out` is open before the mock comes; `real` is the path of a real file, of R. */
async function show (name, script) {
  const { code, stdout, stderr, content } = await runScript('spillway', `
    ${MOCKS[name]}
    const { once } = require('node:events')
    const show = (...values) => process.stdout.write(JSON.stringify(values) + '\\n')
    const tell = promise => promise.then(count => count, ({ code }) => code)
    const { createReadStream } = fs
    const SIZE = ${2 * MIB};
    (async () => {
      const real = file + '.in'
      fs.writeFileSync(real, Buffer.alloc(SIZE, 'R'))
      const out = createWriteStream(file)
      await once(out, 'ready')
      const others = Array.from({ length: 50 }, () => fs.openSync(real))
      // The numbers of mock-fs begin at 3: the next are to be those of real files, too.
      const coincide = () => { while (fs.openSync(real + '.other') <= out.fd); }
      ${script}
    })()`, { values: { modules: path.join(ROOT, 'node_modules'), coincides: name === 'mock-fs' } })
  expect([code, stderr]).toEqual([0, ''])
  return { shown: stdout.split('\n').filter(Boolean).map(line => JSON.parse(line)), content }
}

for (const name of Object.keys(MOCKS)) {
  const testWithMock = name === 'mock-fs' && !hasMockFs
    ? (what, body) => test.skip(`${what}: mock-fs can't be loaded by this Node`, body)
    : test

  describe(name, () => {
    testWithMock('pipe() of one of its files has the bytes of that, not of the real one', async () => {
      const { shown, content } = await show(name, `
        mock({ [real]: Buffer.alloc(SIZE, 'M'), [real + '.other']: '' })
        if (given.coincides) coincide()
        const reader = fs.createReadStream(real)
        reader.pipe(out, { end: false })
        await once(reader, 'end')
        mock.restore()
        out.end()
        await once(out, 'close')
        show(reader.bytesRead, out.stats().acceptedChunks > 20)`)
      expect(shown).toEqual([[2 * MIB, true]])
      expect(content.equals(Buffer.alloc(2 * MIB, 'M'))).toBe(true)
    })

    testWithMock('writeFrom() of a path, a descriptor, a FileHandle and a reader of it is refused, and nothing is written', async () => {
      const { shown, content } = await show(name, `
        mock({ [real]: Buffer.alloc(SIZE, 'M'), [real + '.other']: '' })
        if (given.coincides) coincide()
        const fd = fs.openSync(real, 'r')
        const handle = await (typeof vol === 'undefined' ? fs : vol).promises.open(real, 'r')
        const results = []
        for (const source of [real, fd, handle, fs.createReadStream(real)]) results.push(await tell(out.writeFrom(source)))
        await handle.close()
        fs.closeSync(fd)
        mock.restore()
        out.end('end')
        await once(out, 'close')
        show(...results)`)
      expect(content.toString()).toBe('end')
      expect(shown[0].length).toBe(4)
      for (const result of shown[0]) expect(['ERR_INVALID_STATE', 'ERR_INVALID_ARG_TYPE', 'EBADF']).toContain(result)
    })

    testWithMock('when it is gone, both copy real files again', async () => {
      const { shown, content } = await show(name, `
        mock({ [real]: Buffer.alloc(SIZE, 'M'), [real + '.other']: '' })
        mock.restore()
        show(await tell(out.writeFrom(real)))
        createReadStream(real).pipe(out)
        await once(out, 'close')
        show(out.stats().acceptedChunks < 20)`)
      expect(shown).toEqual([[2 * MIB], [true]])
      expect(content.equals(Buffer.alloc(4 * MIB, 'R'))).toBe(true)
    })
  })
}

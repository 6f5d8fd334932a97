'use strict'

// Node's permission model: Node opens the files, and refuses what it refuses to
// its own streams, whatever the program has put in the place of globals.

const fs = require('node:fs')
const path = require('node:path')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')

const ROOT = path.join(__dirname, '..', '..')
const inFolder = folderForEach()

const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'

/** What a program may try so that its streams are not asked for. */
const TRICKS = {
  nothing: '',
  'another process': `globalThis.process = Object.create(process, {
    permission: { value: undefined },
    cwd: { value: () => '/' },
    binding: { value: () => { throw new Error('asked in vain') } }
  })`,
  'no process': 'delete globalThis.process',
  'no permission': 'try { delete process.permission } catch {} try { process.permission = undefined } catch {}',
  'another Buffer': 'globalThis.Buffer = { isBuffer: () => true, from: () => globalThis, alloc: () => new Uint8Array(), isEncoding: () => true, byteLength: () => 0 }'
}

// Without a process the addon's loader fails before anything is opened.
const CASES = Object.keys(TRICKS).flatMap(trick => ['before', 'after'].map(when => [trick, when])).filter(([trick, when]) => trick !== 'no process' || when === 'after')

test.each(CASES)('%s, put there %s spillway is loaded', async (trick, when) => {
  const show = async which => {
    const allowed = inFolder('allowed')
    fs.mkdirSync(allowed, { recursive: true })
    const { code, stdout, stderr } = await runScript('stock', `
      if ('${when}' === 'before') { ${TRICKS[trick]} }
      const make = given.which === 'stock' ? [fs.createWriteStream] : [require(given.root).createWriteStream, (require(given.root + '/register.js'), fs.createWriteStream)]
      if ('${when}' === 'after') { ${TRICKS[trick]} }
      const results = []
      const play = async (create, name) => new Promise(resolve => {
        const out = create(given.folder + name)
        let told = null
        out.on('error', ({ code, permission }) => { told = [code, permission] })
        out.on('close', () => resolve([told, out.bytesWritten]))
        out.write('text')
        out.end()
      })
      ;(async () => {
        for (const create of make) results.push(await play(create, 'allowed/file'), await play(create, 'forbidden'))
        fs.writeSync(1, JSON.stringify(results))
      })()`,
    { values: { which, root: ROOT, folder: inFolder('/') }, args: [flag, '--allow-addons', '--allow-fs-read=*', `--allow-fs-write=${allowed}/*`, '--no-warnings'] })
    expect([code, stderr, fs.existsSync(inFolder('forbidden'))]).toEqual([0, '', false])
    return JSON.parse(stdout)
  }
  const stock = await show('stock')
  expect(stock).toEqual([[null, 4], [['ERR_ACCESS_DENIED', 'FileSystemWrite'], 0]])
  expect(await show('spillway')).toEqual([...stock, ...stock])
})

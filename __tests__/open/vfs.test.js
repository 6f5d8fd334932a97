'use strict'

// node:vfs mounts file systems that live in the process: a stream into one is
// Node's to write, as there is no file for Rust to open.

const path = require('node:path')
const { runScript } = require('../helpers/child.js')

const FLAG = '--experimental-vfs'
const REGISTER = path.join(__dirname, '..', '..', 'register.js')

/** `test`, or one that is skipped and says why. */
function testWithVfs (name, run) {
  if (process.allowedNodeEnvironmentFlags.has(FLAG)) test(name, run)
  else test.skip(`${name}: Node ${process.version} has no node:vfs`, run)
}

/** How a stream into `target`, a path in the mounted file system, is made. */
const MAKERS = {
  'by its path': 'createWriteStream(target)',
  'by a Buffer': 'createWriteStream(Buffer.from(target))',
  'by new WriteStream': 'new WriteStream(target)',
  'that must not be there': "createWriteStream(target, { flags: 'wx' })",
  'to append': "(fs.writeFileSync(target, ''), createWriteStream(target, { flags: 'a' }))",
  'by a descriptor': "createWriteStream(undefined, { fd: fs.openSync(target, 'w') })",
  'by a FileHandle': "createWriteStream(undefined, { fd: await fs.promises.open(target, 'w') })",
  'from a FileHandle': "(await fs.promises.open(target, 'w')).createWriteStream()"
}

const WHOM = {
  ours: { values: { module: path.join(__dirname, '..', '..') }, args: [] },
  'fs with spillway/register': { values: { module: 'node:fs' }, args: ['-r', REGISTER] }
}
const STOCK = { values: { module: 'node:fs' }, args: [] }

/** What comes of such a stream. One write at a time: stock can't write several at once there, in Node 26.10. */
async function use ({ values, args }, make) {
  return await runScript('stock', `
    const { once } = require('node:events')
    const vfs = require('node:vfs').create()
    const { WriteStream } = require(given.module);
    (async () => {
      vfs.mount()
      const target = vfs.mountPoint + '/file'
      const out = ${make}
      const seen = []
      for (const event of ['open', 'ready', 'finish', 'error', 'close']) out.on(event, value => seen.push(value?.code ?? event))
      const closed = once(out, 'close')
      await new Promise(resolve => out.write('te', resolve))
      await new Promise(resolve => out.write(Buffer.alloc(20_000, 'x'), resolve))
      out.end('t')
      await closed
      const content = fs.readFileSync(target, 'latin1')
      console.log(JSON.stringify([seen, out.bytesWritten, content.length, content.slice(0, 4), vfs.readdirSync(vfs.mountPoint)]))
      // A real file beside it is as ever.
      createWriteStream(file).end('text')
    })()`, { values, args: ['--no-warnings', FLAG, ...args] })
}

describe.each(Object.keys(WHOM))('%s', whom => {
  for (const [name, make] of Object.entries(MAKERS)) {
    testWithVfs(`a stream into a mounted file system, ${name}, is as stock's`, async () => {
      const stock = await use(STOCK, make)
      expect(stock).toMatchObject({ code: 0, stderr: '', content: Buffer.from('text') })
      expect(JSON.parse(stock.stdout).slice(1, 4)).toEqual([20_003, 20_003, 'texx'])
      expect(await use(WHOM[whom], make)).toEqual(stock)
    })
  }
})

'use strict'

// docs/recipes/uploads.md: files come whole, or leave nothing behind.

const { testPage } = require('../helpers/page.js')

const values = { helper: require.resolve('../helpers/open-files.js') }

/** A server on loopback that calls `listener`, with a client that sends a form of one file, or half of it. */
const served = listener => `
  const { once } = require('node:events')
  const http = require('node:http')
  const net = require('node:net')
  const { openFiles, until } = require(given.helper)
  fs.mkdirSync('uploads', { recursive: true })
  const bytes = require('node:crypto').randomBytes(3e6)
  const saved = () => fs.readdirSync('uploads').map(name => fs.readFileSync('uploads/' + name))
  const errors = []
  const server = http.createServer(${listener}).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()

  async function sendAll () {
    const form = new FormData()
    form.set('file', new Blob([bytes]), 'a.bin')
    const response = await fetch('http://127.0.0.1:' + port, { method: 'POST', body: form, headers: { connection: 'close' } })
    return response.text()
  }

  async function sendHalf () {
    const socket = net.connect(port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Type: multipart/form-data; boundary=b\\r\\nContent-Length: 3000000\\r\\n\\r\\n' +
      '--b\\r\\nContent-Disposition: form-data; name="file"; filename="a.bin"\\r\\nContent-Type: application/octet-stream\\r\\n\\r\\n')
    socket.write(bytes.subarray(0, 1e6))
    await until(() => saved().some(file => file.length > 0))
    socket.destroy()
  }`

/** For a page's save(request, folder). */
const SAVE = `(request, response) => {
  save(request, 'uploads').then(() => response.end('saved'), error => {
    errors.push(error.message)
    response.destroy()
  })
}`

const tests = (listener, answer) => ({
  'a file comes whole': async run => {
    expect(await run(`${served(listener)}
      const text = await sendAll()
      server.close()
      return { text, files: saved().length, same: saved()[0].equals(bytes), open: openFiles('uploads') }`, { values })
    ).toEqual({ text: answer, files: 1, same: true, open: [] })
  },

  'a client that hangs up leaves no descriptor and no file': async run => {
    const { errors, open, files } = await run(`${served(listener)}
      await sendHalf()
      await until(() => errors.length > 0 && openFiles('uploads').length === 0 && fs.readdirSync('uploads').length === 0)
      server.close()
      return { errors, open: openFiles('uploads'), files: saved().length }`, { values })
    expect({ open, files }).toEqual({ open: [], files: 0 })
    expect(errors).toHaveLength(1)
  }
})

testPage('recipes/uploads', {
  busboy: {
    ...tests(SAVE, 'saved'),

    'a disk that takes nothing is an error, not a wait': async run => {
      expect(await run(`
        fs.mkdirSync('uploads')
        fs.symlinkSync('/dev/full', 'uploads/0.upload')
        ${served(SAVE)}
        await sendAll().catch(() => {})
        server.close()
        return errors`, { values })).toEqual(['ENOSPC: no space left on device, write'])
    }
  },
  // Four parameters make it express's handler of errors.
  multer: tests('app.use((error, request, response, next) => { errors.push(error.message); response.end() })', '{"size":3000000}'),
  formidable: tests(SAVE, 'saved')
})

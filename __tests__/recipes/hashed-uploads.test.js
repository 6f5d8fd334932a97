'use strict'

// docs/recipes/hashed-uploads.md: files are hashed on their way, and come whole or not at all.

const { testPage } = require('../helpers/page.js')

const SERVER = `
  const { once } = require('node:events')
  const { createHash, randomBytes } = require('node:crypto')
  fs.mkdirSync('uploads')
  const bytes = randomBytes(3e6)
  const server = serve('uploads').listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  const put = (name, body) => fetch('http://127.0.0.1:' + port + '/' + name, { method: 'PUT', body, headers: { connection: 'close' } })
  const files = () => fs.readdirSync('uploads')
`

testPage('recipes/hashed-uploads', {
  'node:http': {
    'the answer tells the hash, and the file is there': async run => {
      expect(await run(`${SERVER}
        const response = await put('a.bin', bytes)
        const { bytes: size, sha256 } = await response.json()
        server.close()
        return [response.status, size, sha256 === createHash('sha256').update(bytes).digest('hex'), fs.readFileSync('uploads/a.bin').equals(bytes), files()]`)
      ).toEqual([201, 3e6, true, true, ['a.bin']])
    },

    'a client that hangs up, and one that sends too much, change nothing': async run => {
      expect(await run(`${SERVER}
        fs.writeFileSync('uploads/a.bin', 'old')
        const socket = require('node:net').connect(port, '127.0.0.1')
        socket.write('PUT /a.bin HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 3000000\\r\\n\\r\\n')
        socket.write(bytes.subarray(0, 1e6))
        await new Promise(resolve => setTimeout(resolve, 100))
        socket.destroy()
        const big = await put('a.bin', Buffer.alloc(101 * 1024 * 1024)).then(response => response.status, () => 'hung up')
        await new Promise(resolve => server.close(resolve))
        return [big === 413 || big === 'hung up', fs.readFileSync('uploads/a.bin', 'latin1'), files()]`)
      ).toEqual([true, 'old', ['a.bin']])
    },

    'who reads meanwhile finds the old file or the new one, whole': async run => {
      expect(await run(`${SERVER}
        fs.writeFileSync('uploads/a.bin', 'old')
        const seen = new Set()
        let isDone = false
        const look = async () => {
          while (!isDone) {
            const found = fs.readFileSync('uploads/a.bin')
            seen.add(found.equals(bytes) ? 'new' : found.toString('latin1'))
            await new Promise(resolve => setImmediate(resolve))
          }
        }
        const looking = look()
        await put('a.bin', bytes)
        isDone = true
        await looking
        server.close()
        return [...seen].sort()`)
      ).toEqual(expect.arrayContaining(['old']))
    }
  }
})

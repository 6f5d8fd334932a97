'use strict'

// docs/recipes/downloads.md: whole, cut short, gone on with, and in parts.

const { testPage } = require('../helpers/page.js')

const values = { helper: require.resolve('../helpers/open-files.js') }

/** A server on loopback that knows ranges. Of /half it sends a half and then nothing; /plain knows no ranges. */
const SERVED = `
  const { once } = require('node:events')
  const { openFiles, until } = require(given.helper)
  const bytes = require('node:crypto').randomBytes(3e6)
  const server = require('node:http').createServer((request, response) => {
    const range = request.url === '/plain' ? null : /bytes=(\\d+)-(\\d*)/.exec(request.headers.range)
    const part = range === null ? bytes : bytes.subarray(Number(range[1]), range[2] === '' ? undefined : Number(range[2]) + 1)
    if (request.url === '/none') return response.writeHead(404).end()
    if (range !== null && Number(range[1]) >= bytes.length) return response.writeHead(416, { 'content-range': 'bytes */' + bytes.length, connection: 'close' }).end()
    response.writeHead(range === null ? 200 : 206, { 'content-length': part.length, connection: 'close' })
    if (request.url === '/half') response.write(part.subarray(0, part.length / 2))
    else response.end(part)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = 'http://127.0.0.1:' + server.address().port
  const isWhole = () => fs.readFileSync('a.bin').equals(bytes)
  const stop = () => {
    server.close()
    server.closeAllConnections()
  }`

const whole = {
  'that is refused makes no file': async run => {
    expect(await run(`${SERVED}
      const message = await download(url + '/none', 'a.bin').catch(error => error.message)
      stop()
      return { message: message.slice(-4), exists: fs.existsSync('a.bin') }`, { values })).toEqual({ message: ' 404', exists: false })
  },

  'comes whole': async run => {
    expect(await run(`${SERVED}
      await download(url, 'a.bin')
      stop()
      return { isWhole: isWhole(), open: openFiles('.') }`, { values })).toEqual({ isWhole: true, open: [] })
  },

  'that is aborted leaves no descriptor, and what is in the file is right': async run => {
    const { name, size, isRight } = await run(`${SERVED}
      const controller = new AbortController()
      const aborted = download(url + '/half', 'a.bin', controller.signal).catch(error => error.name)
      await until(() => fs.existsSync('a.bin') && fs.statSync('a.bin').size > 0)
      controller.abort()
      const name = await aborted
      await until(() => openFiles('.').length === 0)
      stop()
      const part = fs.readFileSync('a.bin')
      return { name, size: part.length, isRight: part.equals(bytes.subarray(0, part.length)) }`, { values })
    expect({ name, isRight }).toEqual({ name: 'AbortError', isRight: true })
    expect(size).toBeGreaterThan(0)
  }
}

testPage('recipes/downloads', {
  fetch: whole,

  Resume: {
    'goes on where the file ends': async run => {
      expect(await run(`${SERVED}
        fs.writeFileSync('a.bin', bytes.subarray(0, 1234567))
        await resume(url, 'a.bin')
        stop()
        return isWhole()`, { values })).toBe(true)
    },

    'does nothing where the file is complete': async run => {
      expect(await run(`${SERVED}
        fs.writeFileSync('a.bin', bytes)
        await resume(url, 'a.bin')
        stop()
        return isWhole()`, { values })).toBe(true)
    },

    'begins anew where there is no file, or the server knows no ranges': async run => {
      expect(await run(`${SERVED}
        await resume(url, 'a.bin')
        const first = isWhole()
        fs.writeFileSync('a.bin', 'something else')
        await resume(url + '/plain', 'a.bin')
        stop()
        return [first, isWhole()]`, { values })).toEqual([true, true])
    }
  },

  Parts: {
    'that come at once make one file': async run => {
      expect(await run(`${SERVED}
        fs.writeFileSync('a.bin', '')
        await Promise.all([2e6, 0, 1e6].map(start => downloadPart(url, 'a.bin', start, start + 1e6 - 1)))
        stop()
        return isWhole()`, { values })).toBe(true)
    }
  },

  undici: whole
})

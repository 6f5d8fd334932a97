'use strict'

// docs/recipes/logs.md: each line is in the file, in its order.

const { testPage } = require('../helpers/page.js')

const COUNT = 5000

const log = `for (let at = 0; at < ${COUNT}; at++) logger.info('line ' + at);`
const expected = (from = 0, count = COUNT) => Array.from({ length: count }, (_, at) => `line ${from + at}`)

/** The messages of a log of JSON lines. */
const messages = (content, key) => content.toString().trimEnd().split('\n').map(line => JSON.parse(line)[key])

testPage('recipes/logs', {
  bunyan: Object.fromEntries([
    ['process.exit()', 'process.exit()'],
    ['an uncaught error', 'throw new Error("crash")'],
    ['out.end()', 'out.end()']
  ].map(([name, end]) => [`${name} loses no line`, async run => {
    const { content } = await run(`${log} ${end}`, { name: 'app.log' })
    expect(messages(content, 'msg')).toEqual(expected())
  }])),

  'winston, a stream': {
    'all lines are written when the logger has ended': async run => {
      const { content, code } = await run(`${log}
        logger.on('finish', () => out.end(() => process.exit(3)))
        logger.end()`, { name: 'app.log' })
      expect(code).toBe(3)
      expect(messages(content, 'message')).toEqual(expected())
    },

    'what is logged turn by turn is not lost at process.exit()': async run => {
      const { content } = await run(`
        for (let at = 0; at < ${COUNT}; at++) {
          logger.info('line ' + at)
          await new Promise(resolve => setImmediate(resolve))
        }
        process.exit()`, { name: 'app.log' })
      expect(messages(content, 'message')).toEqual(expected())
    }
  },

  'winston, a file': {
    'all lines are written when the transport has finished': async run => {
      const { content, code, stdout } = await run(`
        console.log(require('spillway').createWriteStream === fs.createWriteStream)
        ${log}
        logger.transports[0].on('finish', () => process.exit(3))
        logger.end()`, { name: 'app.log' })
      expect([code, stdout]).toEqual([3, 'true\n'])
      expect(messages(content, 'message')).toEqual(expected())
    }
  },

  morgan: {
    'each request is a line, also of a process that exits': async run => {
      const { content, code } = await run(`
        const server = app.listen(0, '127.0.0.1')
        await require('node:events').once(server, 'listening')
        const get = path => fetch('http://127.0.0.1:' + server.address().port + path).then(response => response.text())
        for (let at = 0; at < 20; at++) await get('/?' + at)
        // A line is written when its response is sent; the last may be told earlier here.
        server.close(() => process.exit(3))
        server.closeIdleConnections()`, { name: 'access.log' })
      expect(code).toBe(3)
      expect(content.toString().match(/^GET \/\?\d+ 200 5 - /gm)).toEqual(Array.from({ length: 20 }, (_, at) => `GET /?${at} 200 5 - `))
    }
  }
})

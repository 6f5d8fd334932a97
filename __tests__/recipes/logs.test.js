'use strict'

// docs/recipes/logs.md: each line is in the file, or in one of the files, in its order.

const { testPage } = require('../helpers/page.js')

const HELPER = require.resolve('../helpers/log-files.js')

const COUNT = 5000

const log = `for (let at = 0; at < ${COUNT}; at++) logger.info('line ' + at);`
const expected = (from = 0, count = COUNT) => Array.from({ length: count }, (_, at) => `line ${from + at}`)

/** The messages of a log of JSON lines. */
const messages = (content, key) => content.toString().trimEnd().split('\n').map(line => JSON.parse(line)[key])

/** How many lines go into several files. */
const MANY = 1_000_000

/** At the end of the process, when all is written: has a look at the files, and says what is there in `summary`. */
const lookAtFiles = active => `process.on('exit', () => {
  const { linesOf } = require(${JSON.stringify(HELPER)})
  const { numbers, files } = linesOf('logs', '${active}', /line (\\d+)/)
  const wrong = numbers.findIndex((number, at) => number !== at)
  fs.writeFileSync('summary', JSON.stringify({ count: numbers.length, wrong, areMany: files.length > 1 }))
})`

/** How a process ends that has written all its lines. */
const ENDS = {
  'process.exit()': 'process.exit()',
  'an uncaught error': 'setImmediate(() => { throw new Error("crash") })',
  'out.end()': 'out.end()'
}

/** Writes the lines, some of them in each turn, and ends. */
const writeMany = (log, end, active) => `
  ${lookAtFiles(active)}
  for (let at = 0; at < ${MANY}; at++) {
    ${log}
    if (at % 500 === 499) await new Promise(resolve => setImmediate(resolve))
  }
  ${end}`

/** Tests of a logger of which `log` writes the line of a number. */
function rotated (log, { active = 'app.log', before = '', ends = Object.keys(ENDS) } = {}) {
  return Object.fromEntries(ends.map(name => [`${name} loses no line`, async run => {
    const { content } = await run(`${before}${writeMany(log, ENDS[name], active)}`, { name: 'summary' })
    expect(JSON.parse(content)).toEqual({ count: MANY, wrong: -1, areMany: true })
  }]))
}

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
  },

  'pino, rotated': rotated("logger.info('line ' + at)"),

  'pino, rotated in a worker thread': rotated("logger.info('line ' + at)", {
    before: "await require('node:events').once(logger[pino.symbols.streamSym], 'ready')",
    ends: ['process.exit()', 'an uncaught error']
  }),

  'winston, rotated': rotated("logger.info('line ' + at)"),

  'bunyan, rotated': rotated("logger.info('line ' + at)"),

  'morgan, rotated': rotated(`
      const { EventEmitter } = require('node:events')
      const response = Object.assign(new EventEmitter(), { headersSent: true, finished: true, statusCode: 200, getHeader: () => '5' })
      log({ method: 'GET', url: '/?line ' + at, headers: {} }, response, () => {})`, { active: 'access.log' })
})

'use strict'

// docs/recipes/pino.md: no line is lost, however the process ends.

const { testPage } = require('../helpers/page.js')

const COUNT = 20_000

/** Ways to end, and the code that the process ends with. */
const ENDS = {
  'process.exit() at once': ['process.exit(3)', 3],
  'process.exit() some turns later': ['setTimeout(() => process.exit(3), 5)', 3],
  'an uncaught error': ['setImmediate(() => { throw new Error("crash") })', 1],
  'falling off the end': ['', 0]
}

const log = count => `for (let at = 0; at < ${count}; at++) logger.info({ at }, 'line');`

/** A transport does not keep the process alive: the timer does, for no longer than it takes. */
const CLOSED = `
  const closed = transport => new Promise(resolve => {
    const timer = setInterval(() => {}, 1000)
    transport.on('close', () => resolve(clearInterval(timer)))
  })`

/** Checks that `content` is the page's own line and `count` more, in order. */
function expectLines (content, count) {
  const lines = content.toString().trimEnd().split('\n').map(line => JSON.parse(line))
  expect(lines.shift().msg).toBe('ready')
  expect(lines.map(({ at }) => at)).toEqual(Array.from({ length: count }, (_, at) => at))
}

const endsOf = name => Object.fromEntries(Object.entries(ENDS).map(([title, [end, expected]]) => [
  `${title} loses no line`, async run => {
    const { code, content } = await run(log(COUNT) + end, { name })
    expect(code).toBe(expected)
    expectLines(content, COUNT)
  }]))

testPage('recipes/pino', {
  'In the main thread': {
    ...endsOf('app.log'),

    'a fatal line is in the file when fatal() returns': async run => {
      expect(await run(`
        logger.fatal('late')
        return fs.readFileSync('app.log', 'utf8')`)).toMatch(/"ready".*\n.*"late"}\n$/)
    },

    'SIGKILL after fatal() loses nothing that was logged before': async run => {
      const { code, content } = await run(`${log(COUNT)} logger.fatal({ at: ${COUNT} }, 'late'); process.kill(process.pid, 'SIGKILL')`, { name: 'app.log' })
      expect(code).toBe('SIGKILL')
      expectLines(content, COUNT + 1)
    }
  },

  'In a worker thread': {
    ...endsOf('logs/app.log'),

    'a file is kept and appended to, and with append: false emptied': async run => {
      expect(await run(`${CLOSED}
        const write = async (append, text) => {
          const transport = pino.transport({ target: 'spillway/pino', options: { destination: 'b.log', append } })
          pino(transport).info(text)
          transport.end()
          await closed(transport)
          return fs.readFileSync('b.log', 'utf8').match(/(?<="msg":")\\w+/g)
        }
        return [await write(undefined, 'a'), await write(true, 'b'), await write(false, 'c')]`)).toEqual([['a'], ['a', 'b'], ['c']])
    },

    'a crash of the worker loses nothing that it has taken': async run => {
      const { content } = await run(`
        fs.writeFileSync('crashes.js', \`module.exports = async options => {
          const out = await require('spillway/pino')(options)
          const write = out.write
          out.write = chunk => {
            if (chunk.includes('last')) setImmediate(() => { throw new Error('crash') })
            return write.call(out, chunk)
          }
          return out
        }\`)
        const transport = pino.transport({ target: require.resolve('./crashes.js'), options: { destination: 'b.log' } })
        const failing = pino(transport)
        for (let at = 0; at < ${COUNT}; at++) failing.info({ at }, at === ${COUNT - 1} ? 'last' : 'ready')
        const [error] = await require('node:events').once(transport, 'error')
        if (error.message !== 'crash') throw error`, { name: 'b.log' })
      const lines = content.toString().trimEnd().split('\n').map(line => JSON.parse(line))
      expect(lines.map(({ at }) => at)).toEqual(Array.from({ length: COUNT }, (_, at) => at))
    },

    'options of createWriteStream are handed on': async run => {
      expect(await run(`${CLOSED}
        const transport = pino.transport({ target: 'spillway/pino', options: { destination: 'b.log', mode: 0o600 } })
        transport.end()
        await closed(transport)
        return fs.statSync('b.log').mode & 0o777`)).toBe(0o600)
    },

    'a file that cannot be opened is an error of the transport': async run => {
      expect(await run(`
        const transport = pino.transport({ target: 'spillway/pino', options: { destination: 'none/b.log' } })
        const [error] = await require('node:events').once(transport, 'error')
        return error.message`)).toMatch(/^ENOENT: no such file or directory, open '.*none\/b.log'$/)
    },

    'standard output is the default, and is not closed': async run => {
      const { code, stdout } = await run(`${CLOSED}
        const transport = pino.transport({ target: 'spillway/pino' })
        pino(transport).info('there')
        transport.end()
        await closed(transport)
        console.log('open')`, { name: 'app.log' })
      expect(code).toBe(0)
      expect(stdout).toMatch(/"there"}\nopen\n$/)
    },

    'several targets, each with its level': async run => {
      expect(await run(`${CLOSED}
        const transport = pino.transport({
          targets: [
            { target: 'spillway/pino', level: 'info', options: { destination: 'all.log' } },
            { target: 'spillway/pino', level: 'error', options: { destination: 'errors.log' } }
          ]
        })
        const both = pino(transport)
        both.info('a')
        both.error('b')
        transport.end()
        await closed(transport)
        return ['all.log', 'errors.log'].map(name => fs.readFileSync(name, 'utf8').match(/(?<="msg":")\\w+/g))`)).toEqual([['a', 'b'], ['b']])
    }
  }
})

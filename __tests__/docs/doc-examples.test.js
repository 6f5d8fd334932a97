'use strict'

// The examples in doc comments are run as they stand there.

const fs = require('node:fs')
const path = require('node:path')
const { runScript } = require('../helpers/child.js')

const ROOT = path.join(__dirname, '..', '..')
const GENERATED = ['native.js', 'native.d.ts']

const sourcesIn = folder => fs.readdirSync(path.join(ROOT, folder)).filter(name => /\.(js|d\.ts)$/.test(name)).map(name => path.join(folder, name))
const SOURCES = ['.', 'lib', 'lib/monitor'].flatMap(sourcesIn).filter(name => !GENERATED.includes(name))

/**
 * The code of a source's doc comments.
 * @returns {[string, string][]} what is declared behind the comment, and the code
 */
function examplesOf (source) {
  const text = fs.readFileSync(path.join(ROOT, source), 'utf8')
  return [...text.matchAll(/^ *\/\*\*\n((?: *\*.*\n)*?) *\*\/\n(.*)$/gm)].flatMap(([, comment, declared]) => {
    const codes = [...comment.matchAll(/^ *\* ```\w+\n([^]*?)^ *\* ```$/gm)].map(([, code]) => code.replace(/^ *\* ?/gm, ''))
    const name = declared.replace(/^ *((export|declare|async|function|type|const) )*/, '').match(/^\w*/)[0]
    return codes.map(code => [`${source}: ${name}`, code])
  })
}

const EXAMPLES = SOURCES.flatMap(examplesOf)

const numbers = Array.from({ length: 1e6 }, (_, i) => `${i}\n`).join('')

/** What the program does before and after the example, the file that this makes, and whether it and standard output are right. */
const CASES = {
  'index.d.ts: createWriteStream': {
    name: 'numbers.txt',
    isRight: content => content === numbers
  },
  'index.d.ts: FileSystem': {
    name: 'a.txt',
    isRight: (content, stdout) => content === 'hello' && stdout === 'opening a.txt\n'
  },
  'index.d.ts: writeFrom': {
    before: 'fs.writeFileSync("body.txt", "body\\n")',
    name: 'whole.txt',
    isRight: content => content === 'header\nbody\n5 bytes\n'
  },
  'pino.d.ts: transport': {
    after: 'logger.info("hello")',
    name: 'logs/app.log',
    isRight: content => JSON.parse(content).msg === 'hello'
  },
  'prometheus.d.ts: collectMetrics': {
    after: 'await new Promise(resolve => createWriteStream("a.txt").on("ready", resolve)); console.log(await client.register.getSingleMetricAsString("spillway_streams"))',
    name: 'a.txt',
    isRight: (_, stdout) => stdout.includes('spillway_streams{app="shop"} 1\n')
  }
}

test('all examples are run', () => {
  expect(EXAMPLES.map(([name]) => name).sort()).toEqual(Object.keys(CASES).sort())
})

test.each(EXAMPLES)('%s', async (where, example) => {
  const { before = '', after = '', name, isRight } = CASES[where]
  const program = `
    async function main () {
      ${before}
      { ${example} ${after} }
    }
    main()`
  const { code, stderr, stdout, content } = await runScript('spillway', program, { packages: true, name })
  expect([code, stderr]).toEqual([0, ''])
  expect(isRight(String(content), stdout)).toBe(true)
})

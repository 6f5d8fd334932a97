'use strict'

// 'exit' listeners find the files as they are to stay: what a program does
// with them there is the last that is done with them.

const { runScript } = require('../helpers/child.js')

const WHICH = ['stock', 'spillway']

/** Streams with a past, and then `end()`. */
const STATES = {
  'right after write()': 'const out = createWriteStream(file); out.write("new"); end()',
  'right after end()': 'const out = createWriteStream(file); out.end("new"); end()',
  'after open': 'const out = createWriteStream(file); out.on("ready", () => { out.write("new"); out.write("er"); end() })',
  'while corked': 'const out = createWriteStream(file); out.on("ready", () => { out.cork(); out.write("new"); end() })',
  'in a callback': 'const out = createWriteStream(file); out.write("new", () => { out.write("er"); end() })',
  'when an open that was patched is under way': 'fs.open = () => {}; const out = createWriteStream(file); out.write("new"); end()',
  'when nothing was written': 'const out = createWriteStream(file); end()',
  'when nothing was written after open': 'const out = createWriteStream(file); out.on("ready", () => { end() })',
  'when all was written': 'const out = createWriteStream(file); out.on("close", () => { end() }); out.end("new")'
}

/** When `listener` is registered, as code: each makes the program of it and of `stream`. */
const ORDERS = {
  'before the stream is made': (listener, stream) => `process.on('exit', ${listener}); ${stream}`,
  'before the stream is made, for once': (listener, stream) => `process.once('exit', ${listener}); ${stream}`,
  'when the stream is made': (listener, stream) => behindMaking(stream, `process.on('exit', ${listener});`),
  'in front, when the stream is made': (listener, stream) => behindMaking(stream, `process.prependListener('exit', ${listener});`),
  'in front for once, when the stream is made': (listener, stream) => behindMaking(stream, `process.prependOnceListener('exit', ${listener});`),
  'in front, just before the end': (listener, stream) => stream.replace('end()', `process.prependListener('exit', ${listener}); end()`),
  'in front, and then comes a second stream': (listener, stream) => {
    return behindMaking(stream, `process.prependListener('exit', ${listener}); const second = createWriteStream(file + '.second');`)
  }
}

function behindMaking (stream, code) {
  return stream.replace('createWriteStream(file);', `$& ${code}`)
}

/** How a program ends: `end`. */
const ENDS = {
  'process.exit()': 'process.exit()',
  'an uncaught exception': 'throw new Error("mine")'
}

const program = (end, body) => `
  const end = () => { ${end} }
  ${body}`

for (const which of WHICH) {
  for (const [state, stream] of Object.entries(STATES)) {
    // Nothing of stock's depends on the order.
    for (const [order, arrange] of Object.entries(ORDERS).slice(0, which === 'stock' ? 1 : undefined)) {
      test(`a file that is removed at the end does not come back, ${state}, listener ${order}: ${which}`, async () => {
        const { content, code, stderr } = await runScript(which, program(ENDS['process.exit()'], arrange('() => fs.rmSync(file, { force: true })', stream)))
        expect([content, code, stderr]).toEqual([null, 0, ''])
      })
    }
  }

  for (const [name, end] of Object.entries(ENDS)) {
    test(`a folder that is removed at the end does not come back: ${name}: ${which}`, async () => {
      const { stdout } = await runScript(which, program(end, `
        const path = require('node:path')
        const folder = path.join(path.dirname(file), 'folder')
        fs.mkdirSync(folder)
        process.on('exit', () => fs.rmSync(folder, { recursive: true }))
        const outs = ['a', 'b', 'c'].map(name => createWriteStream(path.join(folder, name)))
        for (const out of outs) out.write('new')
        process.on('exit', () => console.log(fs.existsSync(folder)))
        end()`))
      expect(stdout).toBe('false\n')
    })

    test(`what a listener writes to the file stays: ${name}: ${which}`, async () => {
      const { content } = await runScript(which, program(end, `
        process.on('exit', () => fs.writeFileSync(file, 'last words'))
        const out = createWriteStream(file)
        out.write('new')
        end()`))
      expect(String(content)).toBe('last words')
    })
  }
}

// Stock loses what it has not written.
for (const [state, stream] of Object.entries(STATES)) {
  const text = stream.includes('"er"') ? 'newer' : stream.includes('"new"') ? 'new' : null
  if (text === null) continue
  for (const [order, arrange] of Object.entries(ORDERS)) {
    test(`a listener finds all that was written, ${state}, registered ${order}`, async () => {
      const listener = '() => console.log(fs.existsSync(file) && fs.readFileSync(file, "latin1"))'
      const { content, stdout } = await runScript('spillway', program(ENDS['process.exit()'], arrange(listener, stream)))
      expect([stdout, String(content)]).toEqual([`${text}\n`, text])
    })
  }
}

test.each(Object.entries(ENDS))('a listener finds all that was written: %s', async (name, end) => {
  const { stdout } = await runScript('spillway', program(end, `
    process.on('exit', () => console.log(fs.readFileSync(file, 'latin1')))
    const out = createWriteStream(file)
    for (let at = 0; at < 10; at++) out.write(at.toString())
    end()`))
  expect(stdout).toBe('0123456789\n')
})

test('a listener that moves the file moves all that was written', async () => {
  const { stdout } = await runScript('spillway', `
    process.on('exit', () => fs.renameSync(file, file + '.moved'))
    const outs = ['a', 'b'].map(() => createWriteStream(file, { flags: 'a' }))
    for (const out of outs) out.write('new')
    process.on('exit', () => console.log(fs.existsSync(file), fs.readFileSync(file + '.moved', 'latin1')))
    process.exit()`)
  expect(stdout).toBe('false newnew\n')
})

test('a worker\'s listener finds all that was written, and removes it for good', async () => {
  const { content, stdout } = await runScript('spillway', `
    const { Worker, isMainThread } = require('node:worker_threads')
    if (isMainThread) new Worker(__filename)
    else {
      process.on('exit', () => {
        console.log(fs.readFileSync(file, 'latin1'))
        fs.rmSync(file)
      })
      createWriteStream(file).write('new')
      process.exit()
    }`)
  expect([content, stdout]).toEqual([null, 'new\n'])
})

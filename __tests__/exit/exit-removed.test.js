'use strict'

// Nothing is lost at the end of a process whose 'exit' listeners were all removed, as test runners and CLIs do it.

const { runScript } = require('../helpers/child.js')

const TEXT = Array.from({ length: 500 }, (_, at) => `line ${at}\n`).join('')

/** What the program does, with `remove()` of the listeners in it, and how it ends. */
const PROGRAMS = {
  'before the stream is made': 'remove(); write(); process.exit()',
  'when the stream is made': 'write(); remove(); process.exit()',
  'when the stream is open': 'write().on("ready", () => { remove(); process.exit() })',
  'between two streams': 'createWriteStream(file + ".other"); remove(); write(); process.exit()',
  'when the second of two streams is made': 'const other = createWriteStream(file + ".other"); write(); other.write("x"); remove(); process.exit()',
  'in a listener': 'process.on("exit", remove); write(); process.exit()',
  'in a listener that is in front': 'write(); process.prependListener("exit", remove); process.exit()',
  'one by one': 'write(); for (const listener of process.listeners("exit")) process.removeListener("exit", listener); process.exit()',
  'one by one, by off()': 'write(); for (const listener of process.rawListeners("exit")) process.off("exit", listener); process.exit()',
  'and those of all events': 'write(); process.removeAllListeners(); process.exit()',
  'and it is ended by what is thrown': 'write(); remove(); throw new Error("mine")',
  'and it is ended by a rejection': 'write(); remove(); Promise.reject(new Error("mine"))',
  'and it falls off the end': 'write(); remove()',
  'while corked': 'const out = createWriteStream(file); out.cork(); out.write(given.TEXT); remove(); process.exit()',
  'while an open that was patched is under way': 'fs.open = () => {}; write(); remove(); process.exit()'
}

test.each(Object.entries(PROGRAMS))('listeners are removed %s', async (name, script) => {
  const { content } = await runScript('spillway', `
    const remove = () => process.removeAllListeners('exit')
    const write = () => {
      const out = createWriteStream(file)
      out.write(given.TEXT)
      return out
    }
    ${script}`, { values: { TEXT } })
  expect(String(content)).toBe(TEXT)
})

test('in a worker', async () => {
  const { content } = await runScript('spillway', `
    const { Worker, isMainThread } = require('node:worker_threads')
    if (isMainThread) new Worker(__filename)
    else {
      createWriteStream(file).write(given.TEXT)
      process.removeAllListeners('exit')
      process.exit()
    }`, { values: { TEXT } })
  expect(String(content)).toBe(TEXT)
})

// As stock: nobody has asked for it.
test.each(['stock', 'spillway'])('the program\'s own listeners stay removed, and are not called: %s', async which => {
  const { stdout } = await runScript(which, `
    process.on('exit', () => console.log('first'))
    const out = createWriteStream(file)
    out.write('x')
    process.on('exit', () => console.log('second'))
    process.removeAllListeners('exit')
    process.on('exit', code => console.log('third', code))
    process.exit(3)`)
  expect(stdout).toBe('third 3\n')
})

'use strict'

// A stream that was destroyed, or that nobody has written to, does nothing to its file at the end of the process.

const { runScript } = require('../helpers/child.js')

const BEFORE = 'there before'

/** What leads to no file, and to no change of one, with stock. */
const NOTHING_DONE = {
  'destroyed at once': 'createWriteStream(file).destroy(); process.exit()',
  'destroyed at once with an error': 'createWriteStream(file).on("error", () => {}).destroy(new Error("mine")); process.exit()',
  'destroyed by a signal': 'createWriteStream(file, { signal: AbortSignal.abort() }).on("error", () => {}); process.exit()',
  'destroyed with bytes waiting': 'const out = createWriteStream(file); out.write("new"); out.destroy(); process.exit()',
  'destroyed after end()': 'const out = createWriteStream(file); out.end("new"); out.destroy(); process.exit()',
  'destroyed while corked': 'const out = createWriteStream(file); out.cork(); out.write("new"); out.destroy(); process.exit()',
  'destroyed, and written to then': 'const out = createWriteStream(file); out.on("error", () => {}).destroy(); out.write("new"); process.exit()',
  'destroyed by what is thrown': 'const out = createWriteStream(file); out.write("new"); out.destroy(); throw new Error("mine")',
  'destroyed within exit': 'const out = createWriteStream(file); process.on("exit", () => out.destroy()); process.exit()',
  'made and destroyed within exit': 'createWriteStream(file + ".other"); process.on("exit", () => createWriteStream(file).destroy()); process.exit()',
  'made, destroyed and written to within exit': 'process.on("exit", () => { const out = createWriteStream(file); out.on("error", () => {}).destroy(); out.write("new") }); process.exit()',
  'made within exit by a signal that is aborted': 'process.on("exit", () => { createWriteStream(file, { signal: AbortSignal.abort() }).on("error", () => {}) }); process.exit()',
  'just made': 'createWriteStream(file); process.exit()',
  'just made and ended': 'createWriteStream(file).end(); process.exit()',
  'just made and corked': 'createWriteStream(file).cork(); process.exit()',
  'just made, of what throws': 'createWriteStream(file); throw new Error("mine")',
  'just made within exit': 'process.on("exit", () => { createWriteStream(file) }); process.exit()'
}

for (const which of ['stock', 'spillway']) {
  for (const [name, script] of Object.entries(NOTHING_DONE)) {
    test(`${name}: no file: ${which}`, async () => {
      const { content } = await runScript(which, script)
      expect(content).toBeNull()
    })

    for (const flags of ['w', 'a']) {
      test(`${name}: the file that was there is as it was, flags ${flags}: ${which}`, async () => {
        const { content } = await runScript(which, `
          fs.writeFileSync(file, '${BEFORE}')
          ${script.replace(/createWriteStream\(file(?:, \{|\))/, made => `createWriteStream(file, { flags: '${flags}'${made.endsWith('{') ? ',' : ' })'}`)}`)
        expect(String(content)).toBe(BEFORE)
      })
    }
  }

  test(`a descriptor that was given and whose stream is destroyed gets nothing: ${which}`, async () => {
    const { content } = await runScript(which, `
      const out = createWriteStream(null, { fd: fs.openSync(file, 'w') })
      out.write('new')
      out.destroy()
      process.exit()`)
    expect(String(content)).toBe('')
  })
}

'use strict'

// 'beforeExit' comes once, when nothing is left to be written.

const { runScript } = require('../helpers/child.js')

const SCRIPTS = {
  'small chunks': 'const out = createWriteStream(file); for (let at = 0; at < 1000; at++) out.write(at + "\\n")',
  'one small chunk': 'const out = createWriteStream(file); out.write("x")',
  'a big chunk': 'const out = createWriteStream(file); out.write(Buffer.alloc(5_000_000))',
  'a callback': 'const out = createWriteStream(file); out.write("x", () => console.log("callback"))',
  'what a callback writes': 'const out = createWriteStream(file); out.write("x", () => out.write("y"))',
  'an end': 'const out = createWriteStream(file); out.end("x")',
  'no bytes': 'const out = createWriteStream(file)',
  'a write after open': 'const out = createWriteStream(file); out.on("ready", () => out.write("x"))',
  'several streams': 'const outs = [1, 2, 3].map(at => createWriteStream(file + at)); for (const out of outs) out.write("x".repeat(100_000)); const out = outs[2]',
  'a destroyed stream': 'const out = createWriteStream(file); out.write("x"); out.destroy()',
  'a descriptor': 'const out = createWriteStream(null, { fd: fs.openSync(file, "w") }); out.write("x")',
  'a write that fails, with a listener': 'fs.writeFileSync(file, ""); const out = createWriteStream(file, { flags: "r" }); out.write("x"); out.on("error", error => console.log(error.code))'
}

for (const [name, script] of Object.entries(SCRIPTS)) {
  test(name, async () => {
    const [stock, ours] = await Promise.all(['stock', 'spillway'].map(which => runScript(which, `
      let count = 0
      ${script}
      process.on('beforeExit', code => console.log('beforeExit', ++count, code, out.writableLength, out.bytesWritten))
      process.on('exit', code => console.log('exit', code))`)))
    expect(stock.stdout.match(/beforeExit/g)).toHaveLength(1)
    expect([ours.stdout, ours.code]).toEqual([stock.stdout, stock.code])
  })
}

test.each(['stock', 'spillway'])('who writes in it gets another: %s', async which => {
  const { stdout, content } = await runScript(which, `
    const out = createWriteStream(file)
    let count = 0
    process.on('beforeExit', () => {
      console.log(++count, out.writableLength, fs.readFileSync(file, 'latin1'))
      if (count < 4) out.write(count.toString())
    })`)
  expect([stdout, String(content)]).toEqual(['1 0 \n2 0 1\n3 0 12\n4 0 123\n', '123'])
})

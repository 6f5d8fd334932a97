'use strict'

// `process.execve()`, which puts another program in the place of this one:
// what was accepted is written first, and nobody notices if it comes to nothing.

const { spawnSync } = require('node:child_process')
const { runScript } = require('../helpers/child.js')

const testWithExecve = typeof process.execve === 'function' ? test : test.skip
/** Where the system refuses, some versions of Node end the process. */
const refusals = typeof process.execve === 'function' && spawnSync(process.execPath, ['-e', 'try { process.execve("/nowhere") } catch {}']).status === 0
const testWithRefusals = refusals ? test : test.skip

const PRELUDE = `
  const { once } = require('node:events')
  // The next program shows the sizes of files.
  const replace = (...files) => process.execve(process.execPath, [process.execPath, '-p', 'process.argv.slice(1).map(file => fs.statSync(file).size).join()', ...files], process.env)
  const text = 'x'.repeat(99_999)`

const play = script => runScript('spillway', `${PRELUDE};(async () => {${script}})()`, { args: ['--no-warnings'] })

testWithExecve.each([
  ['in the run that made the stream', 'const out = createWriteStream(file); out.write(text); replace(file)'],
  ['in a later turn', 'const out = createWriteStream(file); await once(out, "open"); out.write(text.slice(5)); out.write("12345"); replace(file)'],
  ['that are corked', 'const out = createWriteStream(file); await once(out, "open"); out.cork(); for (const letter of text) out.write(letter); replace(file)'],
  ['of a stream that ends', 'const out = createWriteStream(file); out.end(text); replace(file)'],
  ['of a worker', `
    const { Worker } = require('node:worker_threads')
    const worker = new Worker(\`
      const { parentPort, workerData: { module, file } } = require('node:worker_threads')
      const out = require(module).createWriteStream(file)
      out.once('open', () => {
        out.write('x'.repeat(99_999))
        parentPort.postMessage('')
        for (;;);
      })\`, { eval: true, workerData: { module: given.module, file } })
    createWriteStream(file + 'other').write('')
    await once(worker, 'message')
    replace(file)`]
])('bytes %s are in the file', async (name, script) => {
  const { code, stdout, stderr } = await play(script)
  expect([code, stderr, stdout]).toEqual([0, '', '99999\n'])
})

testWithExecve('what a target does not take is told, and not waited for without end', async () => {
  const { code, stdout } = await play(`
    require('node:child_process').execFileSync('mkfifo', [file + '.fifo'])
    fs.openSync(file + '.fifo', fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    process.on('warning', ({ name, message }) => fs.writeSync(1, name + ' ' + /^\\d+ bytes/.exec(message)[0] + '\\n'))
    const [stuck, out] = [createWriteStream(file + '.fifo', { exitTimeout: 50 }), createWriteStream(file)]
    await Promise.all([once(stuck, 'open'), once(out, 'open')])
    stuck.write('y'.repeat(100_000))
    out.write(text)
    replace(file)`)
  expect([code, stdout]).toEqual([0, 'SpillwayWarning 34464 bytes\n99999\n'])
})

/** What a program sees of a stream when `attempt` has come to nothing. */
async function goOn (attempt) {
  const show = async which => {
    const { code, stdout, stderr, content } = await runScript(which, `
      const { execve } = process
      const log = []
      const out = createWriteStream(file)
      for (const name of ['open', 'ready', 'finish', 'close', 'error']) out.on(name, () => log.push(name))
      const note = name => error => log.push([name, error?.code ?? null])
      const attempt = () => { try { ${attempt} } catch ({ code }) { log.push(code) } }
      out.write('a', note('a'))
      attempt()
      out.once('ready', () => setImmediate(() => {
        out.cork()
        out.write('b', note('b'))
        attempt()
        out.uncork()
        out.write('c', note('c'))
        attempt()
        out.end('d', note('end'))
        attempt()
      }))
      out.on('close', () => console.log(JSON.stringify([log, process.execve.name, process.execve.length])))`, { args: ['--no-warnings'] })
    return { code, stdout, stderr, content: String(content) }
  }
  const ours = await show('spillway')
  expect(ours).toMatchObject({ code: 0, content: 'abcd' })
  expect(ours).toEqual(await show('stock'))
}

testWithExecve('after arguments that Node refuses the stream goes on', () => goOn('process.execve(3)'))

testWithRefusals('after a program that the system refuses the stream goes on', () => goOn('process.execve("/nowhere")'))

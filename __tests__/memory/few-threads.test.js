'use strict'

// A system that gives few threads, or none: streams are Node's own then, and the
// next one tries again. Nothing ends the process that Node's own streams would not.

const { spawnSync } = require('node:child_process')
const { runScript } = require('../helpers/child.js')

/** Only root may become somebody of whom nothing else runs, and who gets no more threads than the limit says. */
const canLimit = process.platform === 'linux' && process.getuid() === 0 && spawnSync('prlimit', ['--version']).status === 0
const testAsRoot = canLimit ? test : test.skip

/** What streams come to when the process has at most `limit` threads. What `asRoot` does is not limited. */
async function run (which, limit, script, asRoot = '') {
  const { code, stdout, stderr } = await runScript(which, `
    const path = require('node:path')
    const isOurs = out => { try { out.stats(); return true } catch { return false } }
    const warnings = []
    process.on('warning', ({ name, message }) => warnings.push(name + ': ' + message))
    ${asRoot}
    fs.chmodSync(path.dirname(file), 0o777)
    process.setgroups([])
    process.setgid(given.uid)
    process.setuid(given.uid)
    const written = (out, text) => new Promise((resolve, reject) => out.on('error', reject).on('close', () => resolve([isOurs(out), fs.readFileSync(out.path, 'latin1') === text])).end(text))
    ;(async () => {
      const results = []
      ${script}
      console.log(JSON.stringify({ results, warnings }))
    })()`, { values: { uid: 100_000 + process.pid % 100_000, limit }, prefix: ['prlimit', `--nproc=${limit}:`], args: ['--no-warnings'] })
  return code === 0 ? JSON.parse(stdout) : { code, stderr }
}

const FIVE = 'for (let at = 0; at < 5; at++) results.push(written(createWriteStream(file + at), "text ".repeat(20_000 * at)))\nfor (const at in results) results[at] = await results[at]'

testAsRoot('whatever the number of threads, ours works where Node\'s own stream does', async () => {
  const seen = new Set()
  for (let limit = 6; limit < 22; limit++) {
    const stock = await run('stock', limit, FIVE)
    if (stock.code !== undefined) continue
    const { results, warnings } = await run('spillway', limit, FIVE)
    const [[isOurs]] = results
    seen.add(isOurs)
    expect([limit, results]).toEqual([limit, Array(5).fill([isOurs, true])])
    expect([limit, warnings]).toEqual([limit, isOurs ? [] : [expect.stringMatching(/^SpillwayWarning: The system gives spillway no thread \(.*\): streams are Node's own, until it does$/)]])
  }
  expect([...seen]).toEqual([false, true])
})

testAsRoot('the next stream tries again', async () => {
  // The most with which streams are Node's own. The helper is one more.
  let limit = 22
  for (let isOurs = true; isOurs;) [[isOurs]] = (await run('spillway', --limit, FIVE)).results
  const { results, warnings } = await run('spillway', limit + 1, `
    const write = name => written(createWriteStream(file + name), 'text')
    results.push(await write('a'), await write('b'))
    helper.stdin.end()
    await require('node:events').once(helper, 'exit')
    results.push(await write('c'))`, `
    const helper = require('node:child_process').spawn('sh', ['-c', 'read line; exec prlimit --nproc=1000: --pid ' + process.pid], { uid: given.uid, gid: given.uid })`)
  expect(results).toEqual([[false, true], [false, true], [true, true]])
  expect(warnings).toEqual([expect.stringMatching('SpillwayWarning')])
})

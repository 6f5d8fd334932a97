'use strict'

// Random programs come to an end, each in many ways: what was accepted is in
// the files, in order. A failure prints the seed and the plan. Two numbers
// by environment variables: SPILLWAY_TRIALS of each end, SPILLWAY_SEED.

const fc = require('fast-check')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { runScript } = require('../helpers/child.js')
const { chunksOf } = require('../helpers/plan.js')

const KIB = 1024
const TRIALS = Number(process.env.SPILLWAY_TRIALS ?? 8)
const SEED = process.env.SPILLWAY_SEED && Number(process.env.SPILLWAY_SEED)
const PARAMETERS = { numRuns: TRIALS, seed: SEED, endOnFailure: true }
const STREAMS = 4
/** How often a worker that is terminated begins anew at most; it does not get there. */
const ROUNDS = 10_000

const size = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 16 * KIB - 1 }) },
  { weight: 8, arbitrary: fc.integer({ min: 16 * KIB, max: 64 * KIB }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 3 * 1024 * KIB }) }
)
const stream = fc.nat({ max: STREAMS - 1 })
const encoding = fc.constantFrom('buffer', 'buffer', 'utf8', 'utf8', 'latin1', 'utf16le', 'hex', 'base64')
const write = fc.record({ do: fc.constant('write'), stream, size, encoding })
const wait = fc.record({ do: fc.constantFrom('open', 'turn', 'turn'), stream })
const rest = fc.record({ do: fc.constantFrom('cork', 'uncork', 'uncork', 'end'), stream })

/** @param {{ weight: number, arbitrary: fc.Arbitrary }[]} more steps than writes and waits */
const planOf = (opensByNode, ...more) => fc.record({
  streams: fc.array(fc.record({ highWaterMark: fc.constantFrom(16 * KIB, 1024 * KIB), opensByNode }), { minLength: STREAMS, maxLength: STREAMS }),
  steps: fc.array(fc.oneof({ weight: 12, arbitrary: write }, { weight: 1, arbitrary: wait }, ...more), { maxLength: 60 })
})
const plan = planOf(fc.boolean(), { weight: 1, arbitrary: rest })
const plans = fc.array(plan, { minLength: 1, maxLength: 4 })

/** Calls `check(files)` with the files of so many plans in a folder of their own. */
async function inFolder (count, check) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-'))
  const files = Array.from({ length: count }, (_, number) => Array.from({ length: STREAMS }, (_, at) => path.join(folder, `${number}-${at}`)))
  try {
    await check(files)
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

const run = (script, values) => runScript('spillway', `const { play } = require(given.helper); ${script}`, {
  values: { ...values, helper: require.resolve('../helpers/plan.js') }
})

/** Where `actual` leaves what is expected; null: it does not. A diff of megabytes tells nobody anything. */
function differenceOf (actual, expected) {
  if (actual.equals(expected)) return null
  const at = actual.findIndex((byte, at) => byte !== expected[at])
  return { bytes: actual.length, of: expected.length, differsAt: at < 0 ? Math.min(actual.length, expected.length) : at }
}

/** What is in `file`. One into which nothing was written may not have been opened when the end came. */
const contentOf = file => fs.existsSync(file) ? fs.readFileSync(file) : Buffer.alloc(0)

function expectAll (plan, files) {
  const differences = files.map((file, at) => differenceOf(contentOf(file), Buffer.concat([...chunksOf(plan, at)])))
  expect(differences).toEqual(files.map(() => null))
}

const ENDS = {
  'process.exit()': 'process.exit(0)',
  'an uncaught exception': 'process.nextTick(() => { throw new Error("uncaught") })',
  'an unhandled rejection': 'Promise.reject(new Error("unhandled"))',
  'falling off the end without end()': '',
  'a handler for SIGTERM that calls process.exit()': 'process.kill(process.pid, "SIGTERM")',
  'a handler for SIGINT that calls process.exit()': 'process.kill(process.pid, "SIGINT")'
}

const HANDLERS = `
  const alive = setInterval(() => {}, 1000)
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))`

test.each(Object.entries(ENDS))('%s loses nothing', async (name, end) => {
  const code = /uncaught|unhandled/.test(end) ? 1 : 0
  const script = `${/SIG/.test(end) ? HANDLERS : ''}
    play(createWriteStream, given.files, given.plan).then(() => { ${end} })`
  await fc.assert(fc.asyncProperty(plan, plan => inFolder(1, async ([files]) => {
    const result = await run(script, { files, plan })
    expect([result.code, code === 0 ? result.stderr : '']).toEqual([code, ''])
    expectAll(plan, files)
  })), PARAMETERS)
}, 600_000)

const WORKERS = {
  'process.exit() in workers': 'process.exit(0)',
  'workers that end': ''
}

test.each(Object.entries(WORKERS))('%s loses nothing', async (name, end) => {
  const script = `
    const { Worker, isMainThread, workerData } = require('node:worker_threads')
    if (isMainThread) given.plans.forEach((plan, at) => new Worker(__filename, { workerData: { plan, files: given.files[at] } }))
    else play(createWriteStream, workerData.files, workerData.plan).then(() => { ${end} })`
  await fc.assert(fc.asyncProperty(plans, plans => inFolder(plans.length, async files => {
    const { code, stderr } = await run(script, { files, plans })
    expect([code, stderr]).toEqual([0, ''])
    plans.forEach((plan, at) => expectAll(plan, files[at]))
  })), PARAMETERS)
}, 600_000)

// What Node holds back, corked or not yet opened by it, is gone with the JavaScript that knows of it.
const terminated = fc.record({ plan: planOf(fc.constant(false)), after: fc.nat({ max: 200 }) })

test('worker.terminate() in mid-write loses at most the write that JavaScript is in', async () => {
  const script = `
    const { Worker, isMainThread, workerData } = require('node:worker_threads')
    if (isMainThread) {
      const counts = given.trials.map(({ plan, after }, at) => {
        const writes = new Int32Array(new SharedArrayBuffer(4 * plan.streams.length))
        const worker = new Worker(__filename, { workerData: { plan, writes, files: given.files[at] } })
        const watch = () => {
          const sum = writes.reduce((sum, count, stream) => sum + Atomics.load(writes, stream), 0)
          if (sum >= after) worker.terminate()
          else setImmediate(watch)
        }
        // A plan without a write ends by itself.
        if (plan.steps.some(step => step.do === 'write')) worker.once('online', watch)
        return writes
      })
      process.on('exit', () => console.log(JSON.stringify(counts.map(writes => [...writes]))))
    } else {
      // Before that, nothing of JavaScript is left to tell which file it was to be.
      play(createWriteStream, workerData.files, workerData.plan, {
        isOpen: true,
        rounds: workerData.plan.steps.some(step => step.do === 'write') ? ${ROUNDS} : 1,
        onWrite: stream => Atomics.add(workerData.writes, stream, 1)
      })
    }`
  let midway = 0
  await fc.assert(fc.asyncProperty(fc.array(terminated, { minLength: 1, maxLength: 4 }), trials => inFolder(trials.length, async files => {
    const { code, stdout, stderr } = await run(script, { files, trials })
    expect([code, stderr]).toEqual([0, ''])
    JSON.parse(stdout).forEach((counts, number) => counts.forEach((count, stream) => {
      const actual = contentOf(files[number][stream])
      const chunks = []
      for (const chunk of chunksOf(trials[number].plan, stream, ROUNDS)) if (chunks.push(chunk) > count) break
      const all = Buffer.concat(chunks)
      const told = Buffer.concat(chunks.slice(0, count))
      if (count > 0) midway++
      // Whole chunks: that which JavaScript is in is there, or is not.
      expect(differenceOf(actual, actual.length === told.length ? told : all)).toBe(null)
    }))
  })), PARAMETERS)
  // Else the trials were none.
  expect(midway).toBeGreaterThan(0)
}, 600_000)

test('no signal handler is installed: SIGTERM and SIGINT still end the process', async () => {
  for (const signal of ['SIGTERM', 'SIGINT']) {
    const { code, stdout } = await runScript('spillway', `
      const caught = () => /SigCgt:\\s*(\\w+)/.exec(fs.readFileSync('/proc/self/status', 'latin1'))[1]
      const before = caught()
      const out = createWriteStream(file)
      out.write('x'.repeat(1_000_000), () => {
        console.log(process.eventNames().filter(name => /^SIG/.test(name)).length, caught() === before)
        process.kill(process.pid, '${signal}')
        setInterval(() => {}, 1000)
      })`)
    expect([code, stdout]).toEqual([signal, '0 true\n'])
  }
})

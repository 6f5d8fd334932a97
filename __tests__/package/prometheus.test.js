'use strict'

// `spillway/prometheus`: what a scrape finds, of the real prom-client.

const diagnosticsChannel = require('node:diagnostics_channel')
const { once } = require('node:events')
const fs = require('node:fs')
const http = require('node:http')
const path = require('node:path')
const client = require('prom-client')
const { createWriteStream } = require('../..')
const collectMetrics = require('../../prometheus.js')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')

const PROMETHEUS = path.join(__dirname, '..', '..', 'prometheus.js')

const inFolder = folderForEach()
let register, stops
beforeEach(() => {
  register = new client.Registry()
  stops = []
})
afterEach(() => {
  for (const stop of stops) stop()
  expect(diagnosticsChannel.hasSubscribers('spillway:open')).toBe(false)
  expect(diagnosticsChannel.hasSubscribers('spillway:close')).toBe(false)
})

/** The same for a registry of the test's own, undone after it. */
function collect (options) {
  const stop = collectMetrics(client, { register, ...options })
  stops.push(stop)
  return stop
}

/** Values by name and labels, as Prometheus would get them. */
async function scrape (from = register) {
  return Object.fromEntries((await from.metrics()).split('\n').filter(line => line !== '' && !line.startsWith('#')).map(line => {
    const at = line.lastIndexOf(' ')
    return [line.slice(0, at), Number(line.slice(at + 1))]
  }))
}

async function write (name, text, options) {
  const out = createWriteStream(inFolder(name), options)
  out.end(text)
  await once(out, 'close')
  return out
}

const expected = stats => ({
  spillway_accepted_bytes_total: stats.acceptedBytes,
  spillway_accepted_chunks_total: stats.acceptedChunks,
  spillway_written_bytes_total: stats.writtenBytes,
  spillway_written_chunks_total: stats.writtenChunks,
  spillway_dropped_bytes_total: stats.droppedBytes,
  spillway_dropped_chunks_total: stats.droppedChunks,
  spillway_write_calls_total: stats.writeCalls,
  spillway_backpressure_total: stats.backpressureCount,
  spillway_backpressure_seconds_total: stats.backpressureTime / 1000,
  spillway_drains_total: stats.drains,
  spillway_stalls_total: stats.stalls
})

test('a scrape over HTTP finds what stats() says', async () => {
  collect()
  const out = createWriteStream(inFolder('file'), { highWaterMark: 1000, budget: 3000, backpressure: 'drop-newest' })
  await once(out, 'open')
  for (let at = 0; at < 3; at++) {
    out.write('x'.repeat(2000))
    // Dropped.
    out.write('x'.repeat(1500))
    await once(out, 'drain')
  }
  const server = http.createServer(async (request, response) => {
    response.setHeader('content-type', register.contentType)
    response.end(await register.metrics())
  }).listen(0, '127.0.0.1')
  try {
    await once(server, 'listening')
    const response = await fetch(`http://127.0.0.1:${server.address().port}/metrics`, { headers: { connection: 'close' } })
    const text = await response.text()
    const value = name => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)[1])
    const values = Object.entries(expected(out.stats()))
    expect(values.map(([name]) => [name, value(name)])).toEqual(values)
    // So that it is no comparison of zeros.
    const positive = ['written_bytes_total', 'dropped_bytes_total', 'backpressure_total', 'backpressure_seconds_total', 'drains_total', 'write_calls_total']
    for (const name of positive) expect(value(`spillway_${name}`)).toBeGreaterThan(0)
    expect(['streams', 'buffered_bytes', 'high_water_mark_bytes', 'opened_streams_total'].map(name => value(`spillway_${name}`))).toEqual([1, 0, 1000, 1])
    expect(text).toMatch(/^# TYPE spillway_written_bytes_total counter$/m)
    expect(text).toMatch(/^# TYPE spillway_buffered_bytes gauge$/m)
  } finally {
    server.close()
    out.destroy()
    await once(out, 'close')
  }
})

test('what is buffered', async () => {
  collect()
  const out = createWriteStream(inFolder('file'))
  await once(out, 'open')
  out.write('x'.repeat(700))
  expect(await scrape()).toMatchObject({ spillway_streams: 1, spillway_buffered_bytes: 700, spillway_high_water_mark_bytes: 1048576 })
  out.end()
  await once(out, 'close')
  expect(await scrape()).toMatchObject({ spillway_streams: 0, spillway_buffered_bytes: 0, spillway_high_water_mark_bytes: 0 })
})

test('counters are sums over open and closed streams, and do not fall when one is closed', async () => {
  collect()
  expect(await scrape()).toMatchObject({ spillway_streams: 0, spillway_written_bytes_total: 0, spillway_opened_streams_total: 0 })
  await write('a', 'x'.repeat(100))
  const out = createWriteStream(inFolder('b'))
  await new Promise(resolve => out.write('x'.repeat(50), resolve))
  expect(await scrape()).toMatchObject({ spillway_streams: 1, spillway_written_bytes_total: 150, spillway_opened_streams_total: 2 })
  out.end('x'.repeat(7))
  await once(out, 'close')
  expect(await scrape()).toMatchObject({ spillway_streams: 0, spillway_written_bytes_total: 157, spillway_opened_streams_total: 2, spillway_failed_streams_total: 0 })
  expect(await scrape()).toMatchObject({ spillway_written_bytes_total: 157 })
})

test('a stream that stalls, and fails', async () => {
  collect()
  const out = createWriteStream('/dev/full', { retry: { interval: 1, limit: 1 } })
  const closed = new Promise(resolve => out.once('close', resolve))
  out.write('x')
  await once(out, 'error')
  await closed
  const values = await scrape()
  expect(values).toMatchObject({ spillway_streams: 0, spillway_failed_streams_total: 1, spillway_accepted_bytes_total: 1, spillway_written_bytes_total: 0 })
  expect(values.spillway_stalls_total).toBe(out.stats().stalls)
  expect(values.spillway_stalls_total).toBeGreaterThan(0)
})

test('a stream that does not close its descriptor is over when it has finished', async () => {
  collect()
  const fd = fs.openSync(inFolder('file'), 'w')
  const out = createWriteStream('', { fd, autoClose: false })
  out.end('text')
  await once(out, 'finish')
  expect(await scrape()).toMatchObject({ spillway_streams: 0, spillway_written_bytes_total: 4 })
  fs.closeSync(fd)
})

test('prefix, labels, and two registries at once', async () => {
  const other = new client.Registry()
  collect({ prefix: 'shop_', labels: { app: 'web', zone: 'a' } })
  collect({ register: other })
  await write('a', 'text')
  expect(Object.entries(await scrape())).toContainEqual(['shop_spillway_written_bytes_total{app="web",zone="a"}', 4])
  expect(await scrape(other)).toMatchObject({ spillway_written_bytes_total: 4 })
})

test('without a registry it is the one of prom-client', async () => {
  stops.push(collectMetrics(client))
  await write('a', 'text')
  expect(await scrape(client.register)).toMatchObject({ spillway_written_bytes_total: 4 })
})

test('the label path, if it is asked for', async () => {
  collect({ path: true, labels: { app: 'web' } })
  await write('a', 'text')
  await write('b', 'te')
  await write('b', 'text')
  const values = await scrape()
  const of = (metric, name) => values[`spillway_${metric}{app="web",path="${inFolder(name)}"}`]
  expect([of('written_bytes_total', 'a'), of('written_bytes_total', 'b'), of('opened_streams_total', 'b'), of('streams', 'b')]).toEqual([4, 6, 2, 0])
})

test('the label path, made by a function', async () => {
  collect({ path: file => path.basename(file).replace(/\d+/, 'N') })
  await write('log-1', 'a')
  await write('log-2', 'bc')
  expect(await scrape()).toMatchObject({ 'spillway_written_bytes_total{path="log-N"}': 3 })
})

test('the function that it returns takes all out again', async () => {
  const stop = collect()
  const other = collect({ prefix: 'other_' })
  stop()
  const values = await scrape()
  expect(Object.keys(values).filter(name => !name.startsWith('other_'))).toEqual([])
  expect(Object.keys(values)).toHaveLength(16)
  other()
  expect(register.getMetricsAsArray()).toEqual([])
  stop()
  collect()
})

test('it leaves alone what others have put there since', async () => {
  const stop = collect()
  register.clear()
  const gauge = new client.Gauge({ name: 'spillway_streams', help: 'mine', registers: [register] })
  stop()
  expect(register.getSingleMetric('spillway_streams')).toBe(gauge)
})

test.each(['spillway_streams', 'spillway_stalls_total'])('where the name %s is taken it throws, and leaves nothing behind', name => {
  const gauge = new client.Gauge({ name, help: 'mine', registers: [register] })
  expect(() => collectMetrics(client, { register })).toThrow(`A metric with the name ${name} has already been registered.`)
  expect(register.getMetricsAsArray()).toEqual([gauge])
})

test('a registry of the OpenMetrics format', async () => {
  register.setContentType(client.Registry.OPENMETRICS_CONTENT_TYPE)
  const stop = collect()
  await write('a', 'text')
  expect(await scrape()).toMatchObject({ spillway_written_bytes_total: 4, spillway_streams: 0 })
  stop()
  expect(register.getMetricsAsArray()).toEqual([])
})

test('prom-client is not loaded', async () => {
  const { stdout } = await runScript('stock', `
    require(${JSON.stringify(PROMETHEUS)})
    console.log(Object.keys(require.cache).some(name => name.includes('prom-client')))`)
  expect(stdout).toBe('false\n')
})

test('a stream that is dropped without being closed is collected, and what was known of it still counts', async () => {
  const { stdout, stderr } = await runScript('spillway', `
    const client = require(${JSON.stringify(require.resolve('prom-client'))})
    require(${JSON.stringify(PROMETHEUS)})(client)
    const value = async name => (await client.register.getSingleMetric(name).get()).values[0].value
    const values = async () => [await value('spillway_streams'), await value('spillway_written_bytes_total')]
    async function use () {
      const out = createWriteStream(file)
      await new Promise(resolve => out.write('text', resolve))
      console.log(...await values())
    }
    async function main () {
      await use()
      const turn = () => new Promise(resolve => setTimeout(resolve, 1))
      do {
        // To look at a stream keeps it for the rest of the turn.
        await turn()
        gc()
        await turn()
      } while ((await values())[0] > 0)
      console.log(...await values())
    }
    main()`, { args: ['--expose-gc'] })
  expect([stdout, stderr]).toEqual(['1 4\n0 4\n', ''])
})

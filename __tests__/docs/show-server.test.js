'use strict'

// npm run show: the server, and what becomes of its runs. show.test.js has the page.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const assets = require('../../show/assets.js')
const { MEMORY, RUNS } = require('../../show/limits.js')
const programs = require('../../show/programs')
const serve = require('../../show/server.js')
const { folderForEach } = require('../helpers/folder.js')
const { ask, begin, figures, processes, toEnd } = require('../helpers/show.js')

const MAIN = path.join(__dirname, '..', '..', 'show', 'main.js')
const MIB = 1024 * 1024

const folder = folderForEach()
let server

beforeEach(async () => { server = await serve(folder()) })
afterEach(() => server.close())

/** Waits until no process and no file of a run is left. */
async function nothingIsLeft () {
  while (processes(folder()) > 0 || fs.readdirSync(folder()).length > 0) await sleep(20)
}

describe('who is answered', () => {
  test('this machine alone, at a port of its own for each server', async () => {
    const { hostname, port } = new URL(server.url)
    expect(hostname).toBe('127.0.0.1')
    const socket = net.connect(port, '127.0.0.2')
    const [error] = await once(socket, 'error')
    expect(error.code).toBe('ECONNREFUSED')
    const other = await serve()
    expect(other.url).not.toBe(server.url)
    await other.close()
  })

  test('a name that somebody has made to point here is refused', async () => {
    const { port } = new URL(server.url)
    const status = async host => (await ask(server.url, '/', { headers: { host } })).status
    expect(await status(`127.0.0.1:${port}`)).toBe(200)
    expect(await status(`localhost:${port}`)).toBe(200)
    expect(await status(`evil.example:${port}`)).toBe(403)
    expect(await status('127.0.0.1')).toBe(403)
  })

  test('another site is refused, for a run above all', async () => {
    const target = '/run?page=a-page-of-a-test&program=pipe'
    for (const site of ['cross-site', 'same-site']) {
      expect((await ask(server.url, target, { headers: { 'sec-fetch-site': site } })).status).toBe(403)
    }
    expect(fs.readdirSync(folder())).toEqual([])
  })

  test('GET and HEAD alone', async () => {
    expect((await ask(server.url, '/', { method: 'POST' })).status).toBe(405)
    const { status, body } = await ask(server.url, '/', { method: 'HEAD' })
    expect({ status, body }).toEqual({ status: 200, body: '' })
    expect((await ask(server.url, '/run?page=a-page-of-a-test&program=pipe', { method: 'HEAD' })).status).toBe(404)
  })
})

describe('files', () => {
  test.each(assets.paths)('%s', async target => {
    const { status, headers } = await ask(server.url, target)
    expect(status).toBe(200)
    expect(headers['content-security-policy']).toContain("default-src 'self'")
    expect(headers['x-content-type-options']).toBe('nosniff')
  })

  test.each(['/../package.json', '/%2e%2e/package.json', '/page/../../package.json', '//style.css', '/style.css/', '/constructor', '/programs.json/'])('no other: %s', async target => {
    expect((await ask(server.url, target)).status).toBe(404)
  })

  test('the programs, with the code that is run', async () => {
    const list = JSON.parse((await ask(server.url, '/programs.json')).body)
    expect(list).toHaveLength(7)
    for (const { name, seen, code, knobs, choices } of list) {
      expect(seen.length).toBeGreaterThan(0)
      expect(code).toBe(String(programs.find(name).run))
      for (const knob of Object.keys(choices)) expect(choices[knob]).toContain(knobs[knob])
    }
  })
})

describe('a bad request begins nothing', () => {
  test.each([
    ['no such program', { program: 'none' }],
    ['no such program', { program: '../limits' }],
    ['mark must be one of', { program: 'pipe', mark: '-1' }],
    ['chunk must be one of', { program: 'pipe', chunk: '1e9' }],
    ['speed must be one of', { program: 'pipe', speed: '' }],
    ['speed must be one of', { program: 'reader-stops', speed: 'disk' }],
    ['limit must be one of', { program: 'pipe', limit: 'drop-newest' }],
    ['page must be', { program: 'pipe', page: '../../..' }]
  ])('%s', async (message, query) => {
    const run = await begin(server.url, query)
    expect(run.status).toBe(400)
    expect(await run.text()).toContain(message)
    expect(fs.readdirSync(folder())).toEqual([])
  })
})

describe('programs', () => {
  const play = async query => toEnd(await begin(server.url, query))
  const arrivesWhole = { kind: 'ended', lost: 0 }
  const testWithDisk = programs.missing(programs.find('full-disk')) === null ? test : test.skip

  afterEach(nothingIsLeft)

  test('a loop that ignores false: Node\'s process is stopped at the limit, spillway\'s memory stays below it', async () => {
    const { names, node, spillway } = await play({ program: 'ignores-false' })
    expect(names).toEqual(expect.arrayContaining(['start', 'figures', 'result', 'end']))
    expect(node).toMatchObject({ kind: 'memory', arrived: 0, lost: node.accepted })
    expect(node.highest.memory).toBeGreaterThan(MEMORY)
    expect(spillway).toMatchObject(arrivesWhole)
    expect(spillway.highest.memory).toBeLessThan(MEMORY)
  })

  test('a loop that waits for drain: never more than the mark', async () => {
    const { node, spillway } = await play({ program: 'waits-for-drain', speed: 16 * MIB })
    for (const result of [node, spillway]) {
      expect(result).toMatchObject({ ...arrivesWhole, mark: MIB, peak: MIB })
      expect(result.falses).toBeGreaterThan(1)
      expect(result.drains).toBeGreaterThan(1)
    }
  })

  test('pipe', async () => {
    const { node, spillway } = await play({ program: 'pipe', mark: 64 * 1024 })
    for (const result of [node, spillway]) {
      expect(result).toMatchObject({ ...arrivesWhole, accepted: 32 * MIB, arrived: 32 * MIB })
      expect(result.falses).toBeGreaterThan(1)
    }
  })

  test('a line a turn', async () => {
    const { node, spillway } = await play({ program: 'line-a-turn' })
    for (const result of [node, spillway]) expect(result).toMatchObject(arrivesWhole)
  })

  testWithDisk('a full disk: Node\'s stream fails, spillway goes on', async () => {
    const { node, spillway } = await play({ program: 'full-disk' })
    expect(node).toMatchObject({ kind: 'failed', code: 'EFBIG', arrived: 6 * MIB })
    expect(spillway).toMatchObject(arrivesWhole)
    expect(spillway.arrived).toBeGreaterThan(6 * MIB)
  })

  test('a reader that stops: Node\'s process does not end', async () => {
    const { node, spillway } = await play({ program: 'reader-stops' })
    expect(node.kind).toBe('time')
    expect(spillway.kind).toBe('destroyed')
    expect(spillway.time).toBeLessThan(node.time)
  })

  test('process.exit(): spillway loses nothing', async () => {
    const { node, spillway } = await play({ program: 'process-exit' })
    expect(node.kind).toBe('ended')
    expect(node.lost).toBeGreaterThan(0)
    expect(spillway).toMatchObject(arrivesWhole)
  })
})

describe('the end of a run', () => {
  /** A long one. */
  const QUERY = { program: 'ignores-false', speed: MIB, limit: 'block' }
  const hasBegun = () => true

  test('a page that goes away takes its run along; the limit of spillway\'s memory held', async () => {
    const run = await begin(server.url, QUERY)
    const [, spillway] = await figures(run, ([, { accepted }]) => accepted > 16 * MIB)
    expect(processes(folder())).toBe(2)
    expect(spillway.buffered).toBeLessThanOrEqual(16 * MIB)
    run.leave()
    await nothingIsLeft()
  })

  test('another run of the same page ends the first', async () => {
    const first = await begin(server.url, QUERY)
    await figures(first, hasBegun)
    const second = await begin(server.url, QUERY)
    await figures(second, hasBegun)
    expect(processes(folder())).toBe(2)
    const { node, spillway } = await toEnd(first)
    expect([node.kind, spillway.kind]).toEqual(['closed', 'closed'])
    second.leave()
    await nothingIsLeft()
  })

  test('a few pages may run something at once, no more', async () => {
    const pages = Array.from({ length: RUNS }, (_, at) => begin(server.url, QUERY, { page: `page-${at}-of-a-test` }))
    for (const { status } of await Promise.all(pages)) expect(status).toBe(200)
    expect((await begin(server.url, QUERY)).status).toBe(503)
    await server.close()
    expect(fs.readdirSync(folder())).toEqual([])
    await nothingIsLeft()
  })

  test.each(['SIGINT', 'SIGKILL'])('%s to the server leaves nothing behind', async signal => {
    const child = spawn(process.execPath, [MAIN], { env: { ...process.env, TMPDIR: folder() }, stdio: ['ignore', 'pipe', 'inherit'] })
    const [text] = await once(child.stdout.setEncoding('utf8'), 'data')
    const [url] = /http:\S+/.exec(text)
    const run = await begin(url, QUERY)
    await figures(run, hasBegun)
    child.kill(signal)
    await once(child, 'exit')
    await nothingIsLeft()
  })
})

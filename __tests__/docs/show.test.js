'use strict'

// npm run show: the page, in a real browser. SPILLWAY_PICTURES=1 has it write docs/pictures/, too.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const axe = require('axe-core')
const { chromium } = require('playwright-core')
const { describe: list } = require('../../show/programs')
const serve = require('../../show/server.js')

const PICTURES = path.join(__dirname, '..', '..', 'docs', 'pictures')

/** Debian's, or what others call it; playwright-core brings none. */
const browserPath = ['chromium', 'chromium-browser', 'google-chrome']
  .map(name => spawnSync('which', [name], { encoding: 'utf8' }).stdout?.trim())
  .find(found => found)
const describeInBrowser = browserPath === undefined ? describe.skip : describe
const available = list().filter(({ missing }) => missing === null).map(({ name }) => name)

// The programs take all of the processor on purpose, beside a browser and other tests: a page may come too late.
jest.retryTimes(2, { logErrorsBeforeRetry: true })

describeInBrowser(`the page (needs Chromium: ${browserPath ?? 'there is none'})`, () => {
  let server
  let browser
  let page
  let errors

  beforeAll(async () => {
    server = await serve()
    browser = await chromium.launch({ executablePath: browserPath })
  })

  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  beforeEach(() => { errors = [] })

  afterEach(async () => {
    await page?.context().close()
    expect(errors).toEqual([])
  })

  async function open ({ width = 1280, height = 900, ...options } = {}) {
    const context = await browser.newContext({ viewport: { width, height }, ...options })
    page = await context.newPage()
    page.on('pageerror', error => errors.push(error.message))
    page.on('console', message => message.type() === 'error' && errors.push(message.text()))
    await page.goto(server.url)
    await isIdle()
  }

  const isIdle = () => page.waitForSelector('body[data-state=idle]')
  const click = name => page.click(`[data-program=${name}]`)
  const text = selector => page.textContent(selector)
  const figure = (side, label) => text(`[data-side=${side}] dl div:has(dt:text-is("${label}")) dd`)
  const hasFigures = () => page.waitForFunction(() => {
    return [...document.querySelectorAll('.sides article')].every(({ textContent }) => /accepted[\d.]+ [KM]iB/.test(textContent))
  })

  /** What axe-core finds. It is evaluated, not added: the page forbids scripts that are not its own. */
  async function findings () {
    await page.evaluate(axe.source)
    const { violations } = await page.evaluate(() => globalThis.axe.run())
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  }

  /** Whether something is drawn in each chart beside its axes. */
  const drawnColours = () => page.$$eval('canvas', canvases => canvases.map(canvas => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    return new Set(new Uint32Array(data.buffer)).size
  }))

  test.each(available)('%s: a click runs it, figures appear', async name => {
    await open()
    const before = await drawnColours()
    await click(name)
    expect(await page.getAttribute(`[data-program=${name}]`, 'aria-pressed')).toBe('true')
    await hasFigures()
    expect(await text('#status')).toContain('running')
    expect(await text('#code')).toContain('function run')
    await page.waitForTimeout(300)
    const after = await drawnColours()
    expect(after).toHaveLength(8)
    after.forEach((colours, at) => expect(colours).toBeGreaterThan(before[at]))
    await page.click('#stop')
    await isIdle()
    expect(await text('#status')).toBe('Stopped by you.')
  })

  test('at the end: the loss, in figures and in a sentence', async () => {
    await open()
    await click('process-exit')
    await isIdle()
    expect(await text('#status')).toMatch(/Node’s stream ended, .* lost\. spillway ended, nothing is lost\.|spillway ended, nothing is lost\. Node’s stream ended, .* lost\./)
    expect(await figure('spillway', 'lost')).toBe('0 B')
    expect(await figure('node', 'lost')).toMatch(/MiB$/)
    const row = await page.$$eval('#results tr', rows => rows.map(({ innerText }) => innerText).find(text => text.startsWith('Bytes lost')))
    expect(row).toMatch(/MiB\s+0 B$/)
    expect(await findings()).toEqual([])
  })

  test('the keyboard is enough; another program ends the first; knobs are kept for the same one', async () => {
    await open()
    const focused = () => page.evaluate(() => document.activeElement.textContent)
    do await page.keyboard.press('Tab'); while (!/drain/.test(await focused()))
    await page.keyboard.press('Enter')
    await hasFigures()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Space')
    await page.waitForFunction(() => document.getElementById('status').textContent.startsWith('pipe(): running'))
    await hasFigures()
    await page.selectOption('#speed', String(64 * 1024 * 1024))
    await page.click('.run')
    await hasFigures()
    expect(await page.inputValue('#speed')).toBe(String(64 * 1024 * 1024))
  })

  test.each([
    [400, 'light'], [400, 'dark'], [1280, 'light'], [1280, 'dark']
  ])('%i px, %s: axe-core finds nothing, nothing sticks out', async (width, colorScheme) => {
    await open({ width, colorScheme, reducedMotion: 'reduce' })
    expect(await findings()).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
    await click('waits-for-drain')
    await hasFigures()
    expect(await findings()).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
  })

  const testPictures = process.env.SPILLWAY_PICTURES ? test : test.skip

  testPictures('pictures of README (SPILLWAY_PICTURES=1)', async () => {
    await open({ height: 1600 })
    await click('ignores-false')
    await isIdle()
    const bottom = await page.$eval('.measure:nth-child(3)', element => element.getBoundingClientRect().bottom)
    fs.mkdirSync(PICTURES, { recursive: true })
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme })
      await page.waitForTimeout(300)
      await page.screenshot({ path: path.join(PICTURES, `show-${colorScheme}.png`), clip: { x: 0, y: 0, width: 1280, height: Math.ceil(bottom) + 10 } })
    }
  })
})

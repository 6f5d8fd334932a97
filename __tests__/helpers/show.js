'use strict'

// What the tests of show/ ask of its server, and what a run of it may leave behind.

const fs = require('node:fs')
const http = require('node:http')
const path = require('node:path')

const CHILD = path.join(__dirname, '..', '..', 'show', 'child.js')

/** Sends exactly this: fetch() would tidy the path up, and sets Host itself. */
function ask (url, target, { method = 'GET', headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    http.request({ hostname, port, path: target, method, headers }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', text => { body += text }).on('end', () => {
        resolve({ status: response.statusCode, headers: response.headers, body })
      })
    }).on('error', reject).end()
  })
}

/** A run of the server at `url`, as a page begins it. */
async function begin (url, query, { page = 'a-page-of-a-test' } = {}) {
  const controller = new AbortController()
  const response = await fetch(`${url}run?${new URLSearchParams({ page, ...query })}`, { signal: controller.signal })
  const events = response.ok ? readEvents(response.body) : null
  return { status: response.status, text: () => response.text(), events, leave: () => controller.abort() }
}

async function * readEvents (body) {
  let text = ''
  for await (const bytes of body.pipeThrough(new TextDecoderStream())) {
    const events = (text + bytes).split('\n\n')
    text = events.pop()
    for (const event of events) {
      const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event)
      yield { name, data: JSON.parse(data) }
    }
  }
}

/** @returns {Promise<{ names: string[], node: object, spillway: object }>} the results of both sides, and all events' names */
async function toEnd ({ events }) {
  const names = []
  const results = {}
  for await (const { name, data } of events) {
    if (names.at(-1) !== name) names.push(name)
    if (name === 'result') results[data.which] = data
  }
  return { names, ...results }
}

/** @returns {object[]} figures of both sides, the first of which `condition` is true */
async function figures ({ events }, condition) {
  // Not for await: that would end the run.
  for (let next; !(next = await events.next()).done;) {
    const { name, data } = next.value
    if (name === 'figures' && data.length === 2 && condition(data)) return data
  }
  throw new Error('the run has ended')
}

/** How many processes run a program whose files are in `folder`. */
function processes (folder) {
  return fs.readdirSync('/proc').filter(pid => {
    try {
      const line = fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1')
      return line.includes(CHILD) && line.includes(folder)
    } catch {
      // No process, or one that has just ended.
      return false
    }
  }).length
}

module.exports = { ask, begin, toEnd, figures, processes }

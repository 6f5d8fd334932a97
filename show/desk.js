'use strict'

// The runs of all pages: one at a time for each page, a few in all, each as long as its page listens.

const { once } = require('node:events')
const { readKnobs } = require('./knobs.js')
const { MEMORY, RUNS } = require('./limits.js')
const programs = require('./programs')
const Run = require('./run.js')

const PAGE = /^[\w-]{8,64}$/

class Refusal extends Error {
  constructor (status, message) {
    super(message)
    this.status = status
  }
}

/** @returns {object} what a query asks for */
function read (query) {
  const page = query.get('page') ?? ''
  if (!PAGE.test(page)) throw new Refusal(400, 'page must be 8 to 64 letters, digits or dashes')
  const program = programs.find(query.get('program'))
  if (program === undefined) throw new Refusal(400, 'no such program')
  const missing = programs.missing(program)
  if (missing !== null) throw new Refusal(501, missing)
  try {
    return { page, program, knobs: readKnobs(program, query) }
  } catch (error) {
    throw new Refusal(400, error.message)
  }
}

class Desk {
  /** Runs by page. */
  runs = new Map()

  /** @param {string} folder where the files of the runs go */
  constructor (folder) {
    this.folder = folder
  }

  /**
   * Begins a run and sends its events.
   * @throws {Refusal}
   */
  async serve (query, response) {
    const { page, program, knobs } = read(query)
    await this.#end(this.runs.get(page))
    if (this.runs.has(page) || this.runs.size >= RUNS) throw new Refusal(503, 'other runs have not ended yet')
    const run = new Run(program, knobs, this.folder)
    this.runs.set(page, run)
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    const send = (name, values) => response.write(`event: ${name}\ndata: ${JSON.stringify(values)}\n\n`)
    send('start', { program: program.name, knobs, memory: MEMORY })
    run.on('event', send)
    run.once('end', () => {
      this.runs.delete(page)
      send('end', {})
      response.end()
    })
    response.once('close', () => run.stop())
    // It may have gone while another run was ended.
    if (response.destroyed) run.stop()
  }

  async #end (run) {
    if (run === undefined) return
    run.stop()
    await once(run, 'end')
  }

  /** Ends all runs. */
  async close () {
    await Promise.all([...this.runs.values()].map(run => this.#end(run)))
  }
}

module.exports = { Desk, Refusal }

// The page: begins a run when it is asked to, and shows what the server tells of it.

import { Charts } from './chart.mjs'
import { fillForm } from './form.mjs'
import { Results, SideView } from './side.mjs'
import * as words from './words.mjs'

const SIDES = Object.keys(words.NAMES)
/** In milliseconds, for those who want little to move. */
const CALM_INTERVAL = 1000

const status = document.getElementById('status')
const stop = document.getElementById('stop')
const views = Object.fromEntries(SIDES.map(side => [side, new SideView(side)]))
const charts = new Charts(document.getElementById('charts'), SIDES)
const results = new Results(document.getElementById('results'), SIDES)
const calm = matchMedia('(prefers-reduced-motion: reduce)')
/** One run at a time for each page: the server knows it by this. */
const page = crypto.randomUUID()

/** The samples that were not drawn yet, the last of each side. */
const waiting = new Map()
let isDrawDue = false
let run = null

function drawSoon () {
  if (isDrawDue) return
  isDrawDue = true
  if (calm.matches) setTimeout(draw, CALM_INTERVAL)
  else requestAnimationFrame(draw)
}

function draw () {
  isDrawDue = false
  for (const sample of waiting.values()) views[sample.which].show(sample)
  waiting.clear()
  charts.draw()
}

class Run {
  ends = []

  constructor (program, knobs) {
    this.program = program
    this.source = new EventSource(`/run?${new URLSearchParams({ page, program: program.name, ...knobs })}`)
    this.#on('start', ({ memory }) => { this.memory = memory })
    this.#on('figures', samples => samples.forEach(sample => this.#onSample(sample)))
    this.#on('result', result => this.#onResult(result))
    this.#on('end', () => this.close(`${program.title}: ${this.ends.join(' ')}`))
    // EventSource would ask again, and so begin another run.
    this.source.addEventListener('error', () => this.close('The server did not answer, or has too many runs. Try again.'))
  }

  #on (name, listener) {
    this.source.addEventListener(name, ({ data }) => listener(JSON.parse(data)))
  }

  #onSample (sample) {
    charts.add(sample, { memory: this.memory })
    waiting.set(sample.which, sample)
    drawSoon()
  }

  #onResult (result) {
    waiting.delete(result.which)
    if (result.at !== undefined) charts.add(result, { memory: this.memory })
    views[result.which].showEnd(result, this.memory)
    results.show(result, this.memory)
    drawSoon()
    this.ends.push(`${words.NAMES[result.which]} ${words.end(result, this.memory)}, ${words.loss(result)}.`)
  }

  close (text) {
    this.source.close()
    run = null
    stop.disabled = true
    status.textContent = text
    document.body.dataset.state = 'idle'
  }
}

function begin (program, knobs) {
  run?.close('')
  waiting.clear()
  charts.clear()
  results.clear()
  for (const view of Object.values(views)) view.clear('starting')
  stop.disabled = false
  status.textContent = `${program.title}: running.`
  document.body.dataset.state = 'running'
  run = new Run(program, knobs)
}

stop.addEventListener('click', () => {
  for (const view of Object.values(views)) view.clear('stopped by you')
  run?.close('Stopped by you.')
})

const programs = await (await fetch('/programs.json')).json()
fillForm(programs, begin)
document.body.dataset.state = 'idle'

// One stream's figures, while it runs and at its end.

import * as words from './words.mjs'

/** [what it is, its value in a sample or a result]. */
const LIVE = [
  ['buffered', ({ buffered, mark }) => `${words.bytes(buffered)} of ${words.bytes(mark)}`],
  ['falses', ({ falses }) => words.count(falses)],
  ['drains', ({ drains }) => words.count(drains)],
  ['accepted', ({ accepted }) => words.bytes(accepted)],
  ['in the target', ({ arrived }) => words.bytes(arrived)],
  ['memory', ({ memory }) => words.bytes(memory)],
  ['delay', ({ delay }) => words.milliseconds(delay)],
  ['lost', ({ lost }) => lost === undefined ? '–' : words.bytes(lost)]
]

const RESULTS = [
  ['How it ended', (result, memory) => words.end(result, memory)],
  ['Time', ({ time }) => words.seconds(time)],
  ['Bytes accepted', ({ accepted }) => words.bytes(accepted)],
  ['Bytes in the target', ({ arrived }) => words.bytes(arrived)],
  ['Bytes lost', ({ lost }) => words.bytes(lost)],
  ['write() returned false', ({ falses }) => `${words.count(falses)} ×`],
  ['‘drain’', ({ drains }) => `${words.count(drains)} ×`],
  ['Most bytes buffered', ({ peak }) => words.bytes(peak)],
  ['High-water mark', ({ mark }) => words.bytes(mark)],
  ['Most memory', ({ highest }) => words.bytes(highest.memory)],
  ['Longest event-loop delay', ({ highest }) => words.milliseconds(highest.delay)]
]

/** Ends that somebody has asked for. */
const NEUTRAL = ['closed', 'destroyed']

/** A process that was stopped before it had begun has no figures. */
const hasFigures = ({ accepted }) => accepted !== undefined

export class SideView {
  constructor (which) {
    this.element = document.querySelector(`[data-side="${which}"]`)
    this.state = this.element.querySelector('.state')
    this.tank = this.element.querySelector('.tank')
    this.values = LIVE.map(([label]) => this.#addFigure(label))
    this.clear('ready')
  }

  #addFigure (label) {
    const group = document.createElement('div')
    const term = document.createElement('dt')
    const value = document.createElement('dd')
    term.textContent = label
    group.append(term, value)
    this.element.querySelector('dl').append(group)
    return value
  }

  clear (state) {
    this.#setState(state, '')
    this.#fill(0)
    for (const value of this.values) value.textContent = '–'
  }

  #setState (text, tone) {
    this.state.textContent = text
    this.state.dataset.tone = tone
  }

  /** The mark is in the middle of the tank; above it, what is buffered spills. */
  #fill (level) {
    this.tank.style.setProperty('--level', Math.min(level, 2) / 2)
    this.tank.classList.toggle('spills', level > 1.1)
  }

  show (sample) {
    this.#setState(sample.isStalled ? 'waits for room' : 'running', sample.isStalled ? 'waits' : '')
    this.#showFigures(sample)
  }

  #showFigures (sample) {
    this.#fill(sample.buffered / sample.mark)
    LIVE.forEach(([, value], at) => { this.values[at].textContent = value(sample) })
  }

  showEnd (result, memory) {
    const isGood = result.kind === 'ended' && result.lost === 0
    const isLossy = result.kind === 'ended' && !isGood
    this.#setState(isLossy ? `ended, ${words.bytes(result.lost)} lost` : words.end(result, memory), isGood ? 'good' : NEUTRAL.includes(result.kind) ? '' : 'bad')
    if (hasFigures(result)) this.#showFigures(result)
  }
}

/** The table at the end: a row for each figure, a column for each stream. */
export class Results {
  constructor (body, sides) {
    this.cells = RESULTS.map(([label]) => {
      const row = body.insertRow()
      const head = document.createElement('th')
      head.scope = 'row'
      head.textContent = label
      row.append(head)
      return Object.fromEntries(sides.map(side => [side, row.insertCell()]))
    })
    this.clear()
  }

  clear () {
    for (const cells of this.cells) for (const cell of Object.values(cells)) cell.textContent = '–'
  }

  show (result, memory) {
    RESULTS.forEach(([, value], at) => {
      this.cells[at][result.which].textContent = hasFigures(result) || at === 0 ? value(result, memory) : '–'
    })
  }
}

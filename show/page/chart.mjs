// Two charts of one measure beside each other, with one scale, so that they can be compared.

import Plot from '/uplot.mjs'
import { bytes, milliseconds } from './words.mjs'

const HEIGHT = 118
const LEAST_SECONDS = 5
/** Steps of an axis of bytes: powers of two, where numbers are round. */
const BYTE_STEPS = Array.from({ length: 32 }, (_, power) => 2 ** power)

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
const sideColour = side => () => colour(`--${side}`)

/**
 * What is drawn. A line is [what it is, its value in a sample, how it is drawn]; `least` is the least height of the scale.
 */
const MEASURES = [
  {
    title: 'Buffer',
    format: bytes,
    least: 1024,
    lines: [
      ['not yet in the target', ({ accepted, arrived }) => Math.max(accepted - arrived, 0), 'area'],
      ['writableLength: what write() compares', ({ buffered }) => buffered, 'line'],
      ['high-water mark', ({ mark }) => mark, 'limit']
    ]
  },
  {
    title: 'Bytes',
    format: bytes,
    least: 1024,
    lines: [
      ['in the target', ({ arrived }) => arrived, 'area'],
      ['accepted by write()', ({ accepted }) => accepted, 'line']
    ]
  },
  {
    title: 'Memory of the process',
    format: bytes,
    least: 128 * 1024 * 1024,
    lines: [
      ['resident memory', ({ memory }) => memory, 'area'],
      ['this page’s limit', (sample, { memory }) => memory, 'limit']
    ]
  },
  {
    title: 'Event-loop delay',
    format: milliseconds,
    least: 100,
    lines: [['for how long other events wait', ({ delay }) => delay, 'area']]
  }
]

/** A line's look, by its kind. */
const LOOKS = {
  area: side => ({ stroke: sideColour(side), width: 2, fill: () => colour(`--${side}-area`) }),
  line: () => ({ stroke: () => colour('--ink'), width: 1.25 }),
  limit: () => ({ stroke: () => colour('--limit'), width: 1.5, dash: [6, 4] })
}

function axes (format) {
  const common = {
    stroke: () => colour('--quiet'),
    grid: { stroke: () => colour('--grid'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif'
  }
  return [
    { ...common, size: 22, space: 44, values: (chart, values) => values.map(value => `${value} s`) },
    { ...common, size: 62, space: 20, values: (chart, values) => values.map(format), ...(format === bytes && { incrs: BYTE_STEPS }) }
  ]
}

class Chart {
  constructor (measure, side, scale, parent) {
    this.measure = measure
    this.side = side
    this.scale = scale
    this.element = document.createElement('div')
    this.element.className = 'chart'
    this.element.setAttribute('role', 'img')
    parent.append(this.element)
    this.clear()
    this.plot = new Plot(this.#options(), this.data, this.element)
    new ResizeObserver(() => this.plot.setSize({ width: this.element.clientWidth, height: HEIGHT })).observe(this.element)
  }

  #options () {
    const { measure: { lines, format }, side, scale } = this
    return {
      width: this.element.clientWidth || 300,
      height: HEIGHT,
      padding: [8, 10, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: () => [0, Math.max(scale.seconds, LEAST_SECONDS)] },
        y: { range: () => [0, scale.highest * 1.1] }
      },
      axes: axes(format),
      series: [{}, ...lines.map(([label, , look]) => ({ label, points: { show: false }, ...LOOKS[look](side) }))]
    }
  }

  clear () {
    this.data = [[], ...this.measure.lines.map(() => [])]
    this.#describe(0)
  }

  add (sample, limits) {
    const values = this.measure.lines.map(([, value]) => value(sample, limits))
    this.data[0].push(sample.at / 1000)
    values.forEach((value, at) => this.data[at + 1].push(value))
    // A limit far above all else would flatten it.
    const drawn = values.filter((_, at) => this.measure.lines[at][2] !== 'limit')
    this.highest = Math.max(this.highest, ...drawn)
    return this.highest
  }

  draw () {
    this.plot.setData(this.data)
    this.#describe(this.highest)
  }

  #describe (highest) {
    this.highest = highest
    this.element.setAttribute('aria-label', `${this.measure.title}, ${this.side}: ${this.measure.format(highest)} at most`)
  }
}

function makeLegend ({ title, lines }) {
  const heading = document.createElement('h3')
  heading.textContent = title
  const keys = document.createElement('ul')
  keys.append(...lines.map(([label, , look]) => {
    const key = document.createElement('li')
    key.className = look
    key.textContent = label
    return key
  }))
  const legend = document.createElement('header')
  legend.append(heading, keys)
  return legend
}

/** All charts. `sides` are the names of the streams. */
export class Charts {
  constructor (parent, sides) {
    this.rows = MEASURES.map(measure => {
      const row = document.createElement('div')
      row.className = 'measure'
      row.append(makeLegend(measure))
      parent.append(row)
      const scale = { seconds: 0, highest: measure.least }
      return { measure, scale, charts: Object.fromEntries(sides.map(side => [side, new Chart(measure, side, scale, row)])) }
    })
    // The colours are asked for when a chart is drawn.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw())
  }

  clear () {
    for (const { measure, scale, charts } of this.rows) {
      Object.assign(scale, { seconds: 0, highest: measure.least })
      for (const chart of Object.values(charts)) chart.clear()
    }
    this.draw()
  }

  add (sample, limits) {
    for (const { scale, charts } of this.rows) {
      scale.highest = Math.max(scale.highest, charts[sample.which].add(sample, limits))
      scale.seconds = Math.max(scale.seconds, sample.at / 1000)
    }
  }

  draw () {
    for (const { charts } of this.rows) for (const chart of Object.values(charts)) chart.draw()
  }
}

'use strict'

// Figures for people: docs/benchmarks.md and its pictures.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { PEERS } = require('./peers.js')

const DOCS = path.join(__dirname, '..', 'docs')
const PICTURES = path.join(DOCS, 'benchmarks')

const median = values => values.toSorted((a, b) => a - b)[values.length >> 1]
const spread = values => ({ median: median(values), low: Math.min(...values), high: Math.max(...values) })

const titleOf = name => require(`./cases/${name}.js`).title
// What is done in another process has a time only.
const figure = (value, digits) => Number.isFinite(value) ? value.toFixed(digits) : '?'
const times = ({ median, low, high }) => `${figure(median, 2)} (${figure(low, 2)}–${figure(high, 2)})`
const beside = ({ ours, theirs }) => `${figure(ours, 1)} / ${figure(theirs, 1)}`

function table (head, rows) {
  const line = cells => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** An SVG by ECharts, which draws without a browser. */
function draw (name, option, { width = 900, height = 480 } = {}) {
  const echarts = require('echarts')
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height })
  chart.setOption({ animation: false, backgroundColor: '#fff', grid: { containLabel: true, left: 64, right: 48, top: 72, bottom: 16 }, ...option })
  fs.writeFileSync(path.join(PICTURES, `${name}.svg`), chart.renderToSVGString())
  chart.dispose()
}

/** One group of bars for each case, one bar for each peer. */
function drawBars (name, title, results, peers, value, axis) {
  const cases = [...new Set(results.map(result => result.name))].reverse()
  const find = (name, peer) => results.find(result => result.name === name && result.peer === peer)
  draw(name, {
    title: { text: title, left: 'center' },
    legend: { top: 40, itemGap: 32 },
    xAxis: axis,
    yAxis: { type: 'category', data: cases.map(titleOf) },
    series: peers.map(({ peer, name, pick = value }) => ({
      type: 'bar',
      name,
      label: { show: true, position: 'right', formatter: ({ value }) => value?.toFixed(1) ?? '' },
      data: cases.map(name => pick(find(name, peer)) ?? null)
    }))
  }, { height: 120 + cases.length * (12 + 16 * peers.length) })
}

function drawAll ({ results, memory }) {
  fs.mkdirSync(PICTURES, { recursive: true })
  const isStock = ({ peer }) => peer.startsWith('stock')
  drawBars('speed', 'Speed as a multiple of theirs', results.filter(isStock),
    ['stock', 'stock-at-our-mark'].map(peer => ({ peer, name: PEERS[peer].title })),
    result => result?.speed.median, { type: 'log', name: '×', min: 0.5 })
  drawBars('delay', 'Event-loop delay, p99, in milliseconds', results.filter(({ peer }) => peer === 'stock'), [
    { peer: 'stock', name: 'spillway', pick: result => result?.p99.ours },
    { peer: 'stock', name: PEERS.stock.title, pick: result => result?.p99.theirs }
  ], undefined, { type: 'value', name: 'ms' })
  draw('memory', {
    title: { text: 'Memory of a loop that writes 300 MB in lines and ignores false', left: 'center' },
    legend: { top: 40, itemGap: 32 },
    xAxis: { type: 'value', name: 's', axisLabel: { formatter: '{value}' } },
    yAxis: { type: 'value', name: 'MiB' },
    series: memory.map(({ peer, series }) => ({
      type: 'line',
      name: PEERS[peer].title,
      showSymbol: false,
      data: series.map(([at, mib]) => [at / 1000, Math.round(mib)])
    }))
  })
}

function versions (folder) {
  const of = name => `${name} ${require(`${name}/package.json`).version}`
  const { length, 0: { model } } = os.cpus()
  const kind = execFileSync('stat', ['-f', '-c', '%T', folder], { encoding: 'utf8' }).trim()
  return `${length} × ${model.trim()}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()}; ` +
    `files on ${kind}; Node ${process.version}, ${of('sonic-boom')}, ${of('pino')}`
}

function peersTable (results) {
  return table(
    ['case', 'against', 'speed', 'CPU', 'delay p50, ms', 'delay p99, ms', 'peak memory, MiB'],
    results.map(({ name, peer, speed, cpu, p50, p99, peak }) =>
      [titleOf(name), PEERS[peer].title, times(speed), times(cpu), beside(p50), beside(p99), beside(peak)]))
}

function marksTable (marks) {
  return table(
    ['case', 'highWaterMark, KiB', 'speed', 'delay p99, ms', 'peak memory, MiB'],
    marks.map(({ name, mark, speed, p99, peak }) => [titleOf(name), mark / 1024, times(speed), p99.toFixed(1), peak.toFixed(0)]))
}

/** Writes docs/benchmarks.md and its pictures. */
function writeReport ({ results, marks, memory, rounds, folder }) {
  drawAll({ results, memory })
  const behind = results.filter(({ peer, speed }) => !PEERS[peer].isCeiling && speed.median < 1)
  fs.writeFileSync(path.join(DOCS, 'benchmarks.md'), `# Benchmarks

Written by \`npm run bench -- --report\`: measure on a machine of your own. Here it was ${versions(folder)}.

Speed is that of spillway as a multiple of the other's, CPU that of spillway as a part of the other's: medians of ${rounds} pairs
of runs, each in a fresh process, with the lowest and the highest in parentheses. Each run checked the file that it wrote.
Where two figures stand beside each other, the first is spillway's.

![Speed as a multiple of stock's](benchmarks/speed.svg)

![Memory when false is ignored](benchmarks/memory.svg)

![Event-loop delay](benchmarks/delay.svg)

## Against others

${peersTable(results.filter(({ peer }) => !PEERS[peer].isCeiling))}

${behind.length === 0 ? 'Spillway is behind in none of them.' : `Spillway is behind in: ${behind.map(({ name, peer }) => `${titleOf(name)} (${PEERS[peer].title})`).join('; ')}.`}

## Against what nobody can pass

${peersTable(results.filter(({ peer }) => PEERS[peer].isCeiling))}

## By mark

Speed is a part of that at the default mark.

${marksTable(marks)}
`)
}

module.exports = { median, spread, figure, times, beside, writeReport }

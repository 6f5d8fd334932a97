'use strict'

// The table as text.

const { styleText } = require('node:util')

const BAR = 8
const GAP = '  '
const MIN_PATH = 24

/** What takes two columns on a terminal, and what takes none. */
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u
const NARROW = /\p{M}/u
/** What would move the cursor or reorder the text. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu

/**
 * All but the path. `rank`: the higher, the sooner a column is left out where there is no room.
 * `width`: the least, so that a table does not jump about.
 */
const COLUMNS = [
  { title: 'thread', rank: 4, width: 6, text: row => row.thread },
  { title: 'accepted', rank: 5, width: 8, text: row => formatBytes(row.acceptedBytes) },
  { title: 'written', rank: 0, width: 8, text: row => formatBytes(row.writtenBytes) },
  { title: 'MB/s', rank: 1, width: 7, text: row => formatSpeed(row.speed) },
  { title: 'buffered', rank: 2, width: 26, text: formatBuffered, style: styleBuffered },
  { title: 'false', rank: 7, width: 6, text: row => row.backpressureCount },
  { title: 'drain', rank: 8, width: 6, text: row => row.drains },
  { title: 'waited', rank: 6, width: 8, text: row => formatTime(row.backpressureTime) },
  { title: 'stalls', rank: 9, width: 6, text: row => row.stalls },
  { title: 'error', rank: 3, width: 6, text: row => row.lastError ?? '', style: row => row.lastError === null ? null : 'red' }
]

/**
 * @param {ReturnType<import('./overview.js')['take']>} view
 * @param {{ columns: number, rows: number, isColored: boolean }} screen `rows`: the most lines
 * @returns {string[]} lines
 */
function formatTable (view, { columns, rows, isColored }) {
  const paint = isColored ? (style, text) => styleText(style, text, { validateStream: false }) : (style, text) => text
  const shown = busiest(view.rows, rows - 2)
  const names = shown.map(nameOf)
  const { pathWidth, fitting } = fit(shown, names, columns)
  const header = [pad('path', pathWidth), ...fitting.map(({ title, size }) => title.padStart(size))].join(GAP)
  const summary = cutRight(summarize(view, view.rows.length - shown.length), columns)
  return [
    paint('bold', cutRight(header, columns)),
    ...shown.map((row, at) => formatRow(row, names[at], pathWidth, fitting, paint)),
    paint('bold', summary)
  ]
}

function formatRow (row, name, pathWidth, columns, paint) {
  const path = pad(cutLeft(name, pathWidth), pathWidth)
  const cells = columns.map(({ text, style, size }) => {
    const cell = String(text(row)).padStart(size)
    const wanted = row.isClosed ? null : style?.(row) ?? null
    return wanted === null ? cell : paint(wanted, cell)
  })
  const line = [path, ...cells].join(GAP).trimEnd()
  return row.isClosed ? paint('dim', line) : line
}

/** Those rows that write the most, in the order they came in. */
function busiest (rows, count) {
  if (rows.length <= count) return rows
  const sorted = rows.toSorted((a, b) => b.speed - a.speed || b.bufferedBytes - a.bufferedBytes)
  const chosen = new Set(sorted.slice(0, Math.max(count, 0)))
  return rows.filter(row => chosen.has(row))
}

/** Which columns have room, and how wide they are. */
function fit (rows, names, room) {
  const hasThreads = rows.some(({ thread }) => thread !== 0)
  const sized = COLUMNS.filter(({ title }) => hasThreads || title !== 'thread').map(column => ({
    ...column,
    size: Math.max(column.width, ...rows.map(row => String(column.text(row)).length))
  }))
  const left = () => sized.reduce((rest, { size }) => rest - size - GAP.length, room)
  while (sized.length > 0 && left() < MIN_PATH) {
    sized.splice(sized.indexOf(sized.reduce((a, b) => a.rank > b.rank ? a : b)), 1)
  }
  const wanted = Math.max(MIN_PATH, ...names.map(widthOf))
  return { fitting: sized, pathWidth: Math.min(wanted, left()) }
}

function summarize ({ openCount, closedCount, failedCount, counts, speed, rows }, hidden) {
  const buffered = rows.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0)
  const parts = [
    `spillway: ${openCount} open, ${closedCount} closed`,
    `accepted ${formatBytes(counts.acceptedBytes)}`,
    `written ${formatBytes(counts.writtenBytes)}`,
    `${formatSpeed(speed)} MB/s`,
    `buffered ${formatBytes(buffered)}`
  ]
  if (counts.droppedBytes > 0) parts.push(`dropped ${formatBytes(counts.droppedBytes)}`)
  if (counts.stalls > 0) parts.push(`stalls ${counts.stalls}`)
  if (failedCount > 0) parts.push(`failed ${failedCount}`)
  if (hidden > 0) parts.push(`${hidden} not shown`)
  return parts.join(', ')
}

function nameOf ({ path, isClosed }) {
  return path.replace(UNPRINTABLE, '?') + (isClosed ? ' (closed)' : '')
}

function formatBytes (bytes) {
  if (bytes < 1000) return `${bytes} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), units.length)
  return `${(bytes / 1000 ** power).toFixed(1)} ${units[power - 1]}`
}

function formatSpeed (speed) {
  return (speed / 1e6).toFixed(1)
}

function formatTime (time) {
  return time < 1000 ? `${Math.round(time)} ms` : `${(time / 1000).toFixed(1)} s`
}

/** How full the buffer is: from 1 on write() returns false. */
function fullness ({ bufferedBytes, highWaterMark }) {
  return highWaterMark > 0 ? Math.min(bufferedBytes / highWaterMark, 1) : 1
}

function formatBuffered (row) {
  const full = Math.round(fullness(row) * BAR)
  const [buffered, mark] = [row.bufferedBytes, row.highWaterMark].map(bytes => formatBytes(bytes).padStart(8))
  return `${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${buffered}/${mark}`
}

function styleBuffered (row) {
  const full = fullness(row)
  return full < 0.5 ? 'green' : full < 1 ? 'yellow' : 'red'
}

function widthOf (text) {
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

function characterWidth (character) {
  if (NARROW.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}

function pad (text, width) {
  return text + ' '.repeat(Math.max(width - widthOf(text), 0))
}

/** The end of a path tells more than its beginning. */
function cutLeft (text, width) {
  if (widthOf(text) <= width) return text
  let rest = ''
  let left = width - 1
  for (const character of [...text].reverse()) {
    left -= characterWidth(character)
    if (left < 0) break
    rest = character + rest
  }
  return `…${rest}`
}

function cutRight (text, width) {
  return text.length <= width ? text : `${text.slice(0, Math.max(width - 1, 0))}…`
}

module.exports = formatTable

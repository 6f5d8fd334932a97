'use strict'

// Where the table is shown: standard error, since standard output may be the program's data.

// Taken now: mocks of fs do not mean ours.
const { writeSync } = require('node:fs')
const process = require('node:process')
const tty = require('node:tty')
const formatTable = require('./table.js')

const STDOUT = 1
const STDERR = 2

/** Where there is no terminal: wide enough for every column, and a log is not to be flooded. */
const PLAIN = { columns: 160, rows: 100, isColored: false }

class Screen {
  isTerminal = tty.isatty(STDERR) && process.env.TERM !== 'dumb'
  #text = ''
  /** Lines of the table on the terminal, its width then, and what was written to it up to then. */
  #height = 0
  #columns = 0
  #bytes = 0

  /** Shows it, unless it is there already. */
  show (view) {
    const size = this.isTerminal ? terminalSize(process.stderr) : PLAIN
    const lines = formatTable(view, size)
    const text = lines.join('\n')
    const isLast = this.#isLastOnTerminal(size)
    if (text === this.#text && (isLast || !this.isTerminal)) return
    write(isLast ? `\u001b[${this.#height}A\r\u001b[J${text}\n` : `${text}\n`)
    this.#text = text
    this.#height = lines.length
    this.#columns = size.columns
    this.#bytes = this.isTerminal ? bytesOnTerminal() : 0
  }

  /** Whether the table is the last thing on the terminal. What the program has written since is not to be erased. */
  #isLastOnTerminal ({ columns }) {
    return this.isTerminal && this.#height > 0 && this.#columns === columns && this.#bytes === bytesOnTerminal()
  }
}

/** Not by process.stderr, whose 'error' would end a program when nobody reads its standard error any more. */
function write (text) {
  const bytes = Buffer.from(text)
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(STDERR, bytes, at)
  } catch {
    // It is closed or full, which the program is not to notice.
  }
}

function terminalSize (stream) {
  // A line is left for the cursor.
  return { columns: stream.columns || 80, rows: (stream.rows || 24) - 1, isColored: stream.hasColors() }
}

function bytesOnTerminal () {
  return process.stderr.bytesWritten + (tty.isatty(STDOUT) ? process.stdout.bytesWritten : 0)
}

module.exports = Screen

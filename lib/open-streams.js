'use strict'

// The streams of this thread that are open, as the channels tell of them, and
// what they have been through: for spillway/monitor and spillway/prometheus.
//
// Nothing here keeps a stream in memory. A stream that the program drops
// without closing it ends with what was known of it last.

const diagnosticsChannel = require('node:diagnostics_channel')

/** What of a stream's stats() can be summed up, and never falls. */
const COUNTS = [
  'acceptedBytes', 'acceptedChunks', 'writtenBytes', 'writtenChunks', 'droppedBytes', 'droppedChunks',
  'backpressureCount', 'backpressureTime', 'drains', 'writeCalls', 'stalls'
]

/** @returns {Record<string, number>} zero of each */
function noCounts () {
  return Object.fromEntries(COUNTS.map(name => [name, 0]))
}

function addCounts (sums, counts) {
  for (const name of COUNTS) sums[name] += counts[name]
}

/** @returns {import('..').Stats | null} null: a subclass has put something else there */
function readStats (stream) {
  try {
    const stats = stream.stats()
    return COUNTS.every(name => typeof stats[name] === 'number') ? stats : null
  } catch {
    return null
  }
}

/** What is known of one stream. */
class Entry {
  constructor (stream, path, fd, stats) {
    this.stream = new WeakRef(stream)
    this.path = path === undefined || path.length === 0 ? `fd ${fd}` : String(path)
    this.highWaterMark = stream.writableHighWaterMark
    this.stats = stats
  }

  /** Reads the stats, if the stream is still there. */
  refresh () {
    const stream = this.stream.deref()
    if (stream !== undefined) this.stats = readStats(stream) ?? this.stats
  }
}

class OpenStreams {
  #entries = new Set()
  #byStream = new WeakMap()
  #registry = new FinalizationRegistry(entry => this.#end(entry, null))
  #onOpen
  #onEnd

  /**
   * @param {(entry: Entry) => void} onOpen
   * @param {(entry: Entry, error: Error | null) => void} onEnd called once for each entry, with its last stats
   */
  constructor (onOpen, onEnd) {
    this.#onOpen = onOpen
    this.#onEnd = onEnd
    diagnosticsChannel.subscribe('spillway:open', this.#open)
    diagnosticsChannel.subscribe('spillway:close', this.#close)
  }

  stop () {
    diagnosticsChannel.unsubscribe('spillway:open', this.#open)
    diagnosticsChannel.unsubscribe('spillway:close', this.#close)
    this.#entries.clear()
  }

  /** @returns {Entry[]} those that are open, in the order in which they were opened, with their stats of now */
  read () {
    const entries = [...this.#entries]
    for (const entry of entries) entry.refresh()
    return entries
  }

  #open = ({ stream, path, fd }) => {
    const stats = readStats(stream)
    if (stats === null) return
    const entry = new Entry(stream, path, fd, stats)
    this.#entries.add(entry)
    this.#byStream.set(stream, entry)
    this.#registry.register(stream, entry)
    // Nothing closes it, and it may be dropped as soon as all is written.
    if (!stream.autoClose) stream.once('finish', () => this.#endNow(entry, null))
    this.#onOpen(entry)
  }

  #close = ({ stream, error }) => {
    const entry = this.#byStream.get(stream)
    if (entry !== undefined) this.#endNow(entry, error)
  }

  #endNow (entry, error) {
    entry.refresh()
    this.#end(entry, error)
  }

  #end (entry, error) {
    if (this.#entries.delete(entry)) this.#onEnd(entry, error)
  }
}

module.exports = { OpenStreams, noCounts, addCounts }

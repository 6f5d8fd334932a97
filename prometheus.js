'use strict'

// What all streams of this thread have been through, as metrics of prom-client.
// prom-client is given, never loaded: who has none needs none.

const { OpenStreams, addCounts, noCounts } = require('./lib/open-streams.js')

/** Class, name, help, and the value: from what one group of streams has been through, in Prometheus' base units. */
const METRICS = [
  ['Gauge', 'streams', 'Streams that are open.', group => group.open],
  ['Gauge', 'buffered_bytes', 'Bytes that are buffered in the open streams.', group => group.bufferedBytes],
  ['Gauge', 'high_water_mark_bytes', 'Sum of the high-water marks of the open streams.', group => group.highWaterMark],
  ['Counter', 'opened_streams_total', 'Streams that were opened.', group => group.opened],
  ['Counter', 'failed_streams_total', 'Streams that were closed with an error.', group => group.failed],
  ['Counter', 'accepted_bytes_total', 'Bytes that the streams have accepted.', group => group.counts.acceptedBytes],
  ['Counter', 'accepted_chunks_total', 'Chunks that the streams have accepted.', group => group.counts.acceptedChunks],
  ['Counter', 'written_bytes_total', 'Bytes that the kernel has taken.', group => group.counts.writtenBytes],
  ['Counter', 'written_chunks_total', 'Chunks whose write is complete.', group => group.counts.writtenChunks],
  ['Counter', 'dropped_bytes_total', 'Bytes of chunks that were dropped.', group => group.counts.droppedBytes],
  ['Counter', 'dropped_chunks_total', 'Chunks that were dropped.', group => group.counts.droppedChunks],
  ['Counter', 'write_calls_total', 'Write calls to the kernel.', group => group.counts.writeCalls],
  ['Counter', 'backpressure_total', 'How often write() has returned false.', group => group.counts.backpressureCount],
  ['Counter', 'backpressure_seconds_total', 'Time at the high-water mark, summed over the streams.', group => group.counts.backpressureTime / 1000],
  ['Counter', 'drains_total', "How often 'drain' was emitted.", group => group.counts.drains],
  ['Counter', 'stalls_total', 'Errors of writes that were tried again.', group => group.counts.stalls]
]

/** Streams with the same label, or all. */
class Group {
  open = 0
  bufferedBytes = 0
  highWaterMark = 0
  opened = 0
  failed = 0
  /** Of the streams that are closed; in a reading, of all. */
  counts = noCounts()

  /** @returns {Group} to which open streams can be added */
  copy () {
    return Object.assign(new Group(), this, { counts: { ...this.counts } })
  }

  addOpen ({ stats, highWaterMark }) {
    this.open++
    this.bufferedBytes += stats.bufferedBytes
    this.highWaterMark += highWaterMark
    addCounts(this.counts, stats)
  }
}

/** The groups of all streams since this was made. A group stays when its streams are closed, since counters never fall. */
class Groups {
  #closed = new Map()
  #labelOf
  #streams
  #reading = null

  /** @param {((path: string) => string) | null} labelOf null: all streams are one group */
  constructor (labelOf) {
    this.#labelOf = labelOf
    if (labelOf === null) this.#closed.set(undefined, new Group())
    this.#streams = new OpenStreams(entry => this.#onOpen(entry), (entry, error) => this.#onEnd(entry, error))
  }

  stop () {
    this.#streams.stop()
  }

  /** @returns {Map<string | undefined, Group>} by label; one reading for all metrics of a scrape, which are collected in one run */
  read () {
    if (this.#reading !== null) return this.#reading
    // A microtask that fake timers leave alone.
    Promise.resolve().then(() => { this.#reading = null })
    this.#reading = new Map([...this.#closed].map(([label, group]) => [label, group.copy()]))
    for (const entry of this.#streams.read()) this.#reading.get(entry.label).addOpen(entry)
    return this.#reading
  }

  #onOpen (entry) {
    entry.label = this.#labelOf === null ? undefined : String(this.#labelOf(entry.path))
    if (!this.#closed.has(entry.label)) this.#closed.set(entry.label, new Group())
    this.#closed.get(entry.label).opened++
  }

  #onEnd ({ label, stats }, error) {
    const group = this.#closed.get(label)
    addCounts(group.counts, stats)
    if (error !== null) group.failed++
  }
}

/**
 * Adds the metrics to a registry.
 *
 * @param {object} client prom-client
 * @param {{ register?: object, prefix?: string, labels?: Record<string, string>, path?: boolean | ((path: string) => string) }} [options]
 * @returns {() => void} takes them out again
 */
function collectMetrics (client, { register = client.register, prefix = '', labels = {}, path = false } = {}) {
  const labelOf = path === true ? path => path : path || null
  const labelNames = [...Object.keys(labels), ...(labelOf === null ? [] : ['path'])]
  const groups = new Groups(labelOf)
  const metrics = new Map()
  const stop = () => {
    groups.stop()
    for (const [name, metric] of metrics) {
      if (register.getSingleMetric(name) === metric) register.removeSingleMetric(name)
    }
  }
  const collectBy = read => function () {
    this.reset()
    for (const [label, group] of groups.read()) this.inc(label === undefined ? labels : { ...labels, path: label }, read(group))
  }
  try {
    for (const [type, ownName, help, read] of METRICS) {
      const name = `${prefix}spillway_${ownName}`
      metrics.set(name, new client[type]({ name, help, labelNames, registers: [register], collect: collectBy(read) }))
    }
  } catch (error) {
    // A name is taken.
    stop()
    throw error
  }
  return stop
}

module.exports = collectMetrics

'use strict'

// `node -r spillway/monitor app.js`: a table of the open streams, each second.
//
// Each thread looks at its own streams. Workers tell the main thread, which
// shows them all.

const process = require('node:process')
// Taken now: fake timers replace the globals, and do not mean ours.
const { clearInterval, setInterval } = require('node:timers')
const { BroadcastChannel, isMainThread, receiveMessageOnPort } = require('node:worker_threads')
const Overview = require('./lib/monitor/overview.js')
const { Reporter } = require('./lib/monitor/reporter.js')
const Screen = require('./lib/monitor/screen.js')

const CHANNEL = 'spillway:monitor'
const SECOND = 1000
/** A timer can't wait for longer: https://nodejs.org/api/timers.html#setintervalcallback-delay-args */
const LONGEST = 2 ** 31 - 1
/** A worker that has told nothing for so many milliseconds is busy, or was terminated. */
const WORKER_TIMEOUT = 5000

/** How to end what was started; null: nothing is. */
let end = null

/** @returns {number | null} milliseconds between two tables, as SPILLWAY_MONITOR has it in seconds; 0: none is wanted; null: nothing is said */
function givenInterval () {
  const seconds = Number.parseFloat(process.env.SPILLWAY_MONITOR)
  return seconds >= 0 ? Math.min(seconds * SECOND, LONGEST) : null
}

/** In the main thread. @returns {() => void} */
function showTables (interval) {
  const reporter = new Reporter()
  const overview = new Overview(Math.max(WORKER_TIMEOUT, 3 * (interval ?? SECOND)))
  const screen = new Screen()
  const channel = new BroadcastChannel(CHANNEL)
  const add = ({ isLast, report }) => isLast ? overview.addLast(report) : overview.add(report)
  channel.onmessage = ({ data }) => add(data)
  const show = isLast => {
    if (isLast) for (let next; (next = receiveMessageOnPort(channel)) !== undefined;) add(next.message)
    overview.add(reporter.report(isLast))
    const view = overview.take()
    if (view.openCount + view.closedCount > 0) screen.show(view)
  }
  // A table a second is too much for a log.
  const isOnlyLast = !screen.isTerminal && interval === null
  return repeat(show, isOnlyLast ? null : interval ?? SECOND, reporter, channel)
}

/** In a worker. @returns {() => void} */
function sendReports (interval) {
  const reporter = new Reporter()
  const channel = new BroadcastChannel(CHANNEL)
  const send = isLast => channel.postMessage({ isLast, report: reporter.report(isLast) })
  return repeat(send, interval ?? SECOND, reporter, channel)
}

/**
 * Calls `tell` at each interval, if there is one, and when this thread ends. Keeps no process alive.
 * @returns {() => void} ends that
 */
function repeat (tell, interval, reporter, channel) {
  channel.unref()
  const timer = interval === null ? undefined : setInterval(tell, interval, false).unref()
  const onExit = () => tell(true)
  process.on('exit', onExit)
  return () => {
    process.off('exit', onExit)
    clearInterval(timer)
    channel.close()
    reporter.stop()
  }
}

/** Shows the tables from now on. Done when this module is loaded. */
function start () {
  const interval = givenInterval()
  if (end !== null || interval === 0) return
  end = isMainThread ? showTables(interval) : sendReports(interval)
}

/** Shows none any more. */
function stop () {
  end?.()
  end = null
}

start()

module.exports = { start, stop }

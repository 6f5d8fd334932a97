'use strict'

// What a program waits for between its steps.

const WAITS = {
  written: player => player.owed > 0,
  quiet: () => true,
  tick: (player, step) => repeat(player, step.times, process.nextTick),
  microtask: (player, step) => repeat(player, step.times, queueMicrotask),
  immediate: (player, step) => repeat(player, step.times, setImmediate),
  drain: (player, step) => player.stream.writableNeedDrain && waitForEvent(player, step),
  open: (player, step) => player.stream.pending && waitForEvent(player, step),
  ready: (player, step) => player.stream.pending && waitForEvent(player, step)
}

function repeat (player, times, schedule) {
  const again = () => {
    player.jitter()
    if (--times > 0) schedule(again)
    else player.resume()
  }
  // Behind the ticks in which Node begins what is to be overtaken, or not.
  process.nextTick(() => process.nextTick(player.jitter))
  schedule(again)
  return true
}

function waitForEvent (player, step) {
  player.stream.once(step.for, () => {
    if (player.waiting === step) player.resume()
  })
  return true
}

/**
 * Waits for what `step` says; then the player is to resume.
 * @param {import('./play.js').Player} player
 * @param {{ for: string, times?: number }} step
 * @returns {boolean} false: there is nothing to wait for
 */
function begin (player, step) {
  return (WAITS[step.for] ?? waitForEvent)(player, step)
}

module.exports = { begin }

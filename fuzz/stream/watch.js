'use strict'

// Finds out when a program has come to rest: nothing else ends a wait for what
// never comes.

/** How often it is looked, in milliseconds. */
const EVERY = 1

/**
 * Looks without any news after which a program is at rest. With stock Node
 * tells what is under way; spillway has threads of its own: it is given more if
 * it has not done what stock has.
 */
const LOOKS_OF_STOCK = 1
const LOOKS = 3
const LOOKS_CLOSING = 15
const LOOKS_IN_DOUBT = 80
const LOOKS_IN_HURRY = 15

/** Looks after which a play is cut off. */
const LOOKS_AT_MOST = 3000

/** A write of spillway's is no request that Node knows: if nobody waits, its end may be told so many milliseconds later. */
const WRITING = 25

class Watch {
  /**
   * @param {import('./play.js').Player} player
   * @param {(why?: string) => void} onRest called whenever nothing goes on by itself; told if the play takes too long
   * @param {boolean} isHurried whether news that come late may be missed
   */
  constructor (player, onRest, isHurried) {
    this.player = player
    this.onRest = onRest
    this.patience = isHurried ? LOOKS_IN_HURRY : LOOKS_IN_DOUBT
    this.looks = 0
    /** Looks since the last news, how many entries there were, and when. */
    this.quiet = { looks: 0, entries: -1, since: 0 }
    this.timer = setInterval(() => this.look(), EVERY)
  }

  stop () {
    clearInterval(this.timer)
  }

  look () {
    if (++this.looks > LOOKS_AT_MOST) return this.onRest('cut off')
    if (hasRequests() || !this.isQuiet() || this.isWriting()) return
    this.quiet.looks = 0
    this.onRest()
  }

  /** Whether there was no news for so long that there will be none. */
  isQuiet () {
    const { quiet, player: { entries } } = this
    if (quiet.entries !== entries.length) Object.assign(quiet, { entries: entries.length, looks: 0, since: performance.now() })
    return quiet.looks++ >= this.looksUntilRest()
  }

  isWriting () {
    const { example, stream } = this.player
    return example !== undefined && stream._writableState.writing && performance.now() - this.quiet.since < WRITING
  }

  looksUntilRest () {
    const { example, stream, entries } = this.player
    // Who is destroyed is to be closed soon, and the close of a FileHandle is no request that can be seen.
    const isClosing = stream.destroyed && !stream.closed
    if (example === undefined) return isClosing ? LOOKS_CLOSING : LOOKS_OF_STOCK
    return example.rests.includes(entries.length) && !isClosing ? LOOKS : this.patience
  }
}

/** @returns {boolean} whether Node itself has something under way with a file */
function hasFileRequests () {
  return process.getActiveResourcesInfo().some(name => name.startsWith('FSReq'))
}

/** @returns {boolean} whether Node itself has something under way */
function hasRequests () {
  return hasFileRequests() || process.getActiveResourcesInfo().includes('Immediate')
}

module.exports = { Watch, hasRequests, hasFileRequests }

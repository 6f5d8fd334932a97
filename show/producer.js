'use strict'

// What the programs write: text that takes a moment to make, as in a real program.

const { setTimeout: sleep } = require('node:timers/promises')

/** In milliseconds: finer than what a picture shows. */
const NAP = 5

/** How much is to be made: `pace` bytes a second for `seconds`, `most` bytes in all. */
class Plan {
  constructor ({ pace, seconds, most, size }) {
    Object.assign(this, { pace, most, size, made: 0, start: performance.now(), end: performance.now() + 1000 * seconds })
  }

  get isDone () {
    return this.made >= this.most || performance.now() > this.end
  }

  get isAhead () {
    return this.made > this.pace * (performance.now() - this.start) / 1000
  }
}

const line = size => `${'~'.repeat(size - 1)}\n`

/** Makes each chunk on the JavaScript thread, which does nothing else meanwhile. */
function * busy (options) {
  const plan = new Plan(options)
  const chunk = line(options.size)
  while (!plan.isDone) {
    if (plan.isAhead) continue
    yield chunk
    plan.made += options.size
  }
}

/** Gets each chunk from elsewhere: the event loop turns meanwhile. */
async function * paced (options) {
  const plan = new Plan(options)
  const chunk = line(options.size)
  while (!plan.isDone) {
    if (plan.isAhead) {
      await sleep(NAP)
      continue
    }
    yield chunk
    plan.made += options.size
  }
}

module.exports = { busy, paced }

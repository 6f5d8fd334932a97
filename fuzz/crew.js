'use strict'

// Processes that play programs, one after another, side by side. What a program does to
// its process, be it the death of it, is told of that program, and the others go on.

const { fork } = require('node:child_process')

/** Programs after which a process makes room for a new one. */
const PROGRAMS = 1000

/** Milliseconds after which one that does not answer is ended. */
const TIMEOUT = 300_000

class Member {
  /** @param {string[]} args the path of the judge, and what it is to know */
  constructor (args) {
    this.args = args
    this.child = null
    this.questions = 0
  }

  /**
   * @param {object} question
   * @returns {Promise<object>} the answer, or `{ death }`: why there is none
   */
  ask (question) {
    if (this.child === null || (question.judge !== undefined && ++this.questions % PROGRAMS === 0)) this.renew()
    const { child } = this
    return new Promise(resolve => {
      let why
      const timer = setTimeout(() => {
        why = `no answer for ${TIMEOUT / 1000} s`
        child.kill('SIGKILL')
      }, TIMEOUT)
      const settle = answer => {
        clearTimeout(timer)
        child.removeAllListeners()
        if (answer.death !== undefined) this.child = null
        resolve(answer)
      }
      child.once('message', settle)
      child.once('exit', (code, signal) => settle({ death: why ?? signal ?? `code ${code}` }))
      child.send(question)
    })
  }

  renew () {
    this.end()
    this.child = fork(__filename, this.args)
  }

  /** Lets the process end in an orderly way: its folders go with it. */
  end () {
    if (this.child?.connected) this.child.disconnect()
  }
}

/** In such a process. */
function serve (judge, args) {
  // They are about programs like those that are played.
  process.removeAllListeners('warning')
  const answer = judge(...args)
  process.on('message', question => {
    answer(question).then(verdict => process.send(verdict), error => {
      // A judge that fails is a mistake of the fuzzer; what programs leave uncaught is heard by others.
      console.log(error)
      process.exit(1)
    })
  })
  // Its head has ended, or has another.
  process.on('disconnect', () => process.exit())
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => process.exit(1))
}

if (require.main === module) serve(require(process.argv[2]), process.argv.slice(3))

module.exports = Member

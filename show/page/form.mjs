// What is run: the programs' buttons and the knobs.

import { CHOICES } from './words.mjs'

const find = id => document.getElementById(id)
const KNOBS = Object.keys(CHOICES)

function makeButton (program, onClick) {
  const button = document.createElement('button')
  button.type = 'button'
  button.dataset.program = program.name
  button.textContent = program.title
  button.disabled = program.missing !== null
  if (program.missing !== null) button.textContent += ` (${program.missing})`
  button.addEventListener('click', onClick)
  return button
}

function fillSelect (name, values, chosen) {
  const select = find(name)
  select.replaceChildren(...values.map(value => new Option(CHOICES[name](value), value, false, value === chosen)))
  // One choice is none.
  select.disabled = values.length === 1
}

function explain ({ title, seen, code }) {
  find('title').textContent = title
  find('seen').replaceChildren(...seen.map(text => {
    const paragraph = document.createElement('p')
    paragraph.textContent = text
    return paragraph
  }))
  find('code').textContent = code
}

class Form {
  constructor (programs, onRun) {
    this.programs = programs
    this.onRun = onRun
    find('programs').replaceChildren(...programs.map(program => makeButton(program, () => this.#pick(program))))
    find('form').addEventListener('submit', event => {
      event.preventDefault()
      this.#run()
    })
    this.#choose(programs[0])
  }

  #pick (program) {
    // The same one again: with the knobs as they are.
    if (program !== this.program) this.#choose(program)
    this.#run()
  }

  #choose (program) {
    this.program = program
    for (const button of find('programs').children) {
      button.setAttribute('aria-pressed', button.dataset.program === program.name)
    }
    for (const name of KNOBS) fillSelect(name, program.choices[name], program.knobs[name])
    explain(program)
  }

  #run () {
    // On a narrow screen the buttons stand above what they begin.
    if (find('title').getBoundingClientRect().top > innerHeight / 2) find('title').scrollIntoView()
    this.onRun(this.program, Object.fromEntries(KNOBS.map(name => [name, find(name).value])))
  }
}

/** @param {(program: object, knobs: object) => void} onRun called when a program is chosen, or run again */
export function fillForm (programs, onRun) {
  return new Form(programs, onRun)
}

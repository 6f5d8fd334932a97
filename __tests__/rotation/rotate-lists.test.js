'use strict'

// A list of the folder that is made while a file gets another name may have it under neither: POSIX leaves that open for
// whatever comes or goes meanwhile. A closed file must not get the name of one that such a list has left out.

const fs = require('node:fs')
const { runScript } = require('../helpers/child.js')
const { folderForEach } = require('../helpers/folder.js')
const { countInjected, inject, testWithFaults } = require('../helpers/strace.js')

const at = folderForEach()

/** As if all files were left out. */
const listingNothing = () => inject('getdents64', 'retval=0')(at(''))

/** Closes two files, and begins a third. */
async function rotateTwice () {
  const { code, stderr } = await runScript('spillway', `
    const out = createWriteStream(given.log, { rotate: { size: 8, name: 'app-%i.log' } })
    for (const line of ['first\\n', 'second\\n', 'third\\n']) out.write(line)
    out.end()`, { values: { log: at('app.log') }, prefix: listingNothing })
  expect([code, countInjected(stderr) > 1]).toEqual([0, true])
}

const contents = () => Object.fromEntries(fs.readdirSync(at('')).sort().map(name => [name, fs.readFileSync(at(name)).toString('latin1')]))

for (const suffix of ['', '.gz', '.zst']) {
  testWithFaults(`app-1.log${suffix} stays, though no list has it`, async () => {
    fs.writeFileSync(at(`app-1.log${suffix}`), 'old')
    await rotateTwice()
    expect(contents()).toEqual({
      [`app-1.log${suffix}`]: 'old',
      'app-2.log': 'first\n',
      'app-3.log': 'second\n',
      'app.log': 'third\n'
    })
  })
}

testWithFaults('any number of files may be left out', async () => {
  for (let number = 1; number <= 100; number++) fs.writeFileSync(at(`app-${number}.log.gz`), `old ${number}`)
  await rotateTwice()
  expect(contents()).toMatchObject({ 'app-1.log.gz': 'old 1', 'app-100.log.gz': 'old 100', 'app-101.log': 'first\n', 'app-102.log': 'second\n' })
})

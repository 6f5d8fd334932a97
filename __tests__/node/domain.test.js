'use strict'

// node:domain: what is thrown goes to the domain that it goes to with stock.

const { runScript } = require('../helpers/child.js')

const PRELUDE = `
  const domain = require('node:domain')
  const make = name => {
    const made = domain.create()
    made.name = name
    made.on('error', error => console.log(name, 'got', error.message, error.code ?? ''))
    return made
  }
  const where = () => process.domain?.name ?? 'none'
  // What is written to it fails.
  const failing = () => {
    fs.writeFileSync(file, '')
    return createWriteStream(file, { flags: 'r' })
  }
  const [one, two] = ['one', 'two'].map(make)
  const watch = out => {
    for (const event of ['open', 'ready', 'drain', 'finish', 'close']) out.on(event, () => console.log(event, where()))
    return out
  };`

const SCRIPTS = {
  'where callbacks and events are': `
    one.run(() => {
      const out = watch(createWriteStream(file, { highWaterMark: 4 }))
      out.write('abcdef', () => console.log('a', where()))
      out.write('abcdef', () => console.log('b', where()))
      out.once('drain', () => out.end('c', () => console.log('end', where())))
    })`,
  'a callback that throws': `
    one.run(() => createWriteStream(file).write('x', () => { throw new Error('in callback') }))`,
  'a callback that throws, of a stream made elsewhere': `
    const out = createWriteStream(file)
    out.on('ready', () => setImmediate(() => one.run(() => out.write('x', () => {
      console.log(where())
      throw new Error('in callback')
    }))))`,
  'a callback of end() that throws': `
    one.run(() => createWriteStream(file).end('x', () => { throw new Error('in end') }))`,
  'several callbacks of one stream that throw': `
    const out = createWriteStream(file)
    out.on('ready', () => setImmediate(() => {
      one.run(() => out.write('x', () => { throw new Error('first') }))
      two.run(() => out.write('x', () => {
        console.log(where())
        throw new Error('second')
      }))
    }))`,
  'listeners that throw': `
    one.run(() => {
      const out = createWriteStream(file, { highWaterMark: 1 })
      out.on('open', () => { process.nextTick(() => { throw new Error('behind open') }) })
      out.on('drain', () => {
        out.end()
        throw new Error('in drain')
      })
      out.on('close', () => { throw new Error('in close') })
      out.write('xx')
    })`,
  'an error that nobody listens to': `
    one.run(() => failing().write('x'))`,
  'a file that cannot be opened': `
    one.run(() => createWriteStream('/missing/file'))`,
  'a stream that is added to a domain': `
    const out = failing()
    two.add(out)
    one.run(() => out.write('x', error => console.log(error.code, where())))`,
  'a callback that is bound': `
    const out = createWriteStream(file)
    out.write('x', one.bind(() => { throw new Error('bound') }))
    out.write('x', two.intercept(() => console.log('fine', where())))`,
  'no domain': `
    one.run(() => {})
    const out = watch(createWriteStream(file, { highWaterMark: 1 }))
    out.write('x', () => console.log('x', where()))
    out.on('drain', () => out.end())`
}

for (const [name, script] of Object.entries(SCRIPTS)) {
  test(name, async () => {
    const [stock, ours] = await Promise.all(['stock', 'spillway'].map(which => runScript(which, PRELUDE + script)))
    expect(stock.stdout).not.toBe('')
    expect([ours.stdout, ours.code]).toEqual([stock.stdout, stock.code])
  })
}

'use strict'

// docs/recipes/archives.md: the archives that Node's own stream makes, to the byte.

const { testPage } = require('../helpers/page.js')

const FOLDER = `
  const spillway = require('spillway')
  const crypto = require('node:crypto')
  fs.mkdirSync('in')
  for (let at = 0; at < 20; at++) fs.writeFileSync('in/' + at, crypto.randomBytes(at * 10000))`

const sameAsStock = {
  'is to the byte what stock writes': async run => {
    const { size, same } = await run(`${FOLDER}
      await pack('in', spillway.createWriteStream('ours'))
      await pack('in', fs.createWriteStream('stock'))
      return { size: fs.statSync('ours').size, same: fs.readFileSync('ours').equals(fs.readFileSync('stock')) }`)
    expect(same).toBe(true)
    // All files are in it: random bytes can't be made smaller.
    expect(size).toBeGreaterThan(1_900_000)
  },

  'a full disk is an error': async run => {
    expect(await run(`${FOLDER}
      return pack('in', spillway.createWriteStream('/dev/full')).catch(error => error.code)`)).toBe('ENOSPC')
  }
}

testPage('recipes/archives', {
  'tar-fs': {
    ...sameAsStock,

    'comes out as it went in': async run => {
      expect(await run(`${FOLDER}
        await pack('in', spillway.createWriteStream('a.tar'))
        await unpack('a.tar', 'out')
        return fs.readdirSync('out').map(name => fs.readFileSync('out/' + name).equals(fs.readFileSync('in/' + name)))`)
      ).toEqual(Array(20).fill(true))
    }
  },
  archiver: sameAsStock,
  yazl: sameAsStock
})

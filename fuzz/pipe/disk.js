'use strict'

// A disk that is full soon: where one may be mounted.

const { smallDisk } = require('../../__tests__/helpers/targets.js')

const SIZE = 1024 * 1024
let disk

/** @returns {string | undefined} its folder; undefined: there is none */
function diskFolder () {
  if (disk === undefined) {
    disk = smallDisk(SIZE)
    if (disk !== null) process.on('exit', () => disk.remove())
  }
  return disk?.folder
}

module.exports = { diskFolder }

'use strict'

// A folder of its own for each test of a file.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

/** @returns {(name?: string) => string} a path in the folder of the test that runs, or that of the folder */
function folderForEach () {
  let folder
  beforeEach(() => { folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-')) })
  afterEach(() => fs.rmSync(folder, { recursive: true }))
  return (name = '') => path.join(folder, name)
}

module.exports = { folderForEach }

'use strict'

const neostandard = require('neostandard')

module.exports = neostandard({
  ignores: ['native.js', 'native.d.ts', 'target/', 'artifacts/', 'npm/', '.cache/', '.downstream/'],
  env: ['node', 'jest'],
  ts: true
})

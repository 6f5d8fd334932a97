'use strict'

const neostandard = require('neostandard')

module.exports = neostandard({
  ignores: ['native.js', 'native.d.ts', 'target/', 'artifacts/', 'npm/', '.cache/'],
  ignores: ['native.js', 'native.d.ts', 'target/', '.downstream/'],
  env: ['node', 'jest'],
  ts: true
})

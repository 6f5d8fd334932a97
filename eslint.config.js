'use strict'

const neostandard = require('neostandard')

/** What code of show/page/ finds in a browser. */
const BROWSER = ['document', 'getComputedStyle', 'innerHeight', 'matchMedia', 'requestAnimationFrame', 'EventSource', 'Option', 'ResizeObserver']

module.exports = [
  ...neostandard({
    ignores: ['native.js', 'native.d.ts', 'target/', 'artifacts/', 'npm/', '.cache/', '.downstream/'],
    env: ['node', 'jest'],
    ts: true
  }),
  { files: ['show/page/*.mjs'], languageOptions: { globals: Object.fromEntries(BROWSER.map(name => [name, 'readonly'])) } }
]

import markdown from '@eslint/markdown'
import neostandard from 'neostandard'
import prose from './scripts/prose.js'

/** What code of show/page/ finds in a browser. */
const BROWSER = ['document', 'getComputedStyle', 'innerHeight', 'matchMedia', 'requestAnimationFrame', 'EventSource', 'Option', 'ResizeObserver']

const SCRIPTS = ['**/*.{js,mjs,ts}']
const PAGES = ['**/*.md']
/** From comments that are checked themselves, and from figures. */
const GENERATED = ['docs/api/**', 'docs/benchmarks.md', 'docs/reliability.md']
/** In figures and tests Node's stream is called `stock`, as docs/glossary.md says. */
const MEASURED = ['__tests__/**', 'benches/**', 'fuzz/**', 'scripts/downstream*.js', 'docs/glossary.md']

const code = neostandard({
  ignores: ['native.js', 'native.d.ts', 'target/', 'artifacts/', 'npm/', '.cache/', '.downstream/', '__tests__/bundlers/.project-*/'],
  env: ['node', 'jest'],
  ts: true
})

export default [
  // Without `files` a part of neostandard's is for all files, Markdown too. One that has nothing but `ignores` must stay alone.
  ...code.map(part => 'files' in part || Object.keys(part).every(key => key === 'ignores' || key === 'name') ? part : { files: SCRIPTS, ...part }),
  { files: ['show/page/*.mjs'], languageOptions: { globals: Object.fromEntries(BROWSER.map(name => [name, 'readonly'])) } },
  { files: PAGES, plugins: { markdown }, language: 'markdown/gfm' },
  { files: [...PAGES, ...SCRIPTS], ignores: GENERATED, plugins: { prose }, rules: { 'prose/words': 'error', 'prose/sentences': 'error' } },
  { files: MEASURED, rules: { 'prose/words': ['error', ['stock', 'news']] } }
]

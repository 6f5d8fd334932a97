'use strict'

// What stands around the code: dependabot knows all packages, .editorconfig holds, the package's page names nothing that is not there.

const fs = require('node:fs')
const path = require('node:path')
const { parse } = require('yaml')

const ROOT = path.join(__dirname, '..', '..')
const read = file => fs.readFileSync(path.join(ROOT, file), 'utf8')

/** What is made, and not in git. */
const MADE = /^(node_modules|target|coverage|artifacts|npm|packages|\.git|\.cache|\.downstream|\.project-.*|native\.(js|d\.ts)|.*\.(node|tgz|log))$/

/** All files of the project. */
function filesIn (folder) {
  return fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true }).filter(({ name }) => !MADE.test(name)).flatMap(entry => {
    const name = path.posix.join(folder, entry.name)
    return entry.isDirectory() ? filesIn(name) : entry.isFile() ? [name] : []
  })
}

const FILES = filesIn('.')
const TEXTS = FILES.filter(file => /(\.(js|mjs|[cm]?ts|json|md|rs|toml|ya?ml|sh|css|html)|\/run)$/.test(file))

const foldersOf = name => FILES.filter(file => path.basename(file) === name).map(file => path.posix.join('/', path.dirname(file))).sort()

test('dependabot looks after all packages and actions', () => {
  const { updates } = parse(read('.github/dependabot.yml'))
  const folders = Object.fromEntries(updates.map(update => [update['package-ecosystem'], (update.directories ?? [update.directory]).sort()]))
  expect(foldersOf('package-lock.json')).toContain('/__tests__/recipes')
  expect(folders).toEqual({ npm: foldersOf('package-lock.json'), cargo: foldersOf('Cargo.lock'), 'github-actions': ['/'] })
})

test('scripts/audit.sh asks for the advisories of all packages of npm', () => {
  const [, listed] = /^for folder in (.*); do$/m.exec(read('scripts/audit.sh'))
  expect(listed.split(' ').map(folder => path.posix.join('/', folder)).sort()).toEqual(foldersOf('package-lock.json'))
})

test('each text is as .editorconfig says', () => {
  expect(TEXTS.length).toBeGreaterThan(200)
  const wrong = TEXTS.filter(file => /[ \t]$|\r|^\t|[^\n]$(?![^])/m.test(read(file)))
  expect(wrong).toEqual([])
})

test('package.json names no address that may not be there', () => {
  const { repository, homepage, bugs } = require('../../package.json')
  // RELEASE-CHECKLIST.md says when they come.
  expect({ repository, homepage, bugs }).toEqual({})
  expect(read('package.json')).not.toMatch(/OWNER|example\.(com|org)|github\.com/)
})

test('what only some tests need is not in `npm install`', () => {
  const names = file => Object.keys({ ...JSON.parse(read(file)).dependencies, ...JSON.parse(read(file)).devDependencies })
  const all = names('package.json')
  for (const folder of ['__tests__/api', '__tests__/recipes', '__tests__/pack', '__tests__/bundlers', 'benches']) {
    expect(names(`${folder}/package.json`).filter(name => all.includes(name))).toEqual([])
  }
})

test('a folder of tests with packages of its own installs them before its tests', () => {
  const folders = foldersOf('package-lock.json').filter(folder => folder.startsWith('/__tests__/'))
  expect(folders.length).toBeGreaterThan(3)
  for (const folder of folders) {
    // A file that two folders name would be called for one of them alone.
    expect(JSON.parse(read(`${folder}/package.json`)).jest.globalSetup).toBe('<rootDir>/setup.js')
    expect(FILES).toContain(`${folder.slice(1)}/setup.js`)
  }
})

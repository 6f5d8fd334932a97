'use strict'

// scripts/check-release.js, which is to find what would make a release unsafe:
// each change below is one that it must see.

const fs = require('node:fs')
const path = require('node:path')
const { checkPackages, checkWorkflow } = require('../../scripts/check-release.js')

const ROOT = path.join(__dirname, '..', '..')
const read = name => fs.readFileSync(path.join(ROOT, name), 'utf8')

const RELEASE = read('.github/workflows/release.yml')
const CARGO = read('Cargo.toml')
const SECRET = '$' + '{{ secrets.NPM_TOKEN }}'
const MANIFEST = require('../../package.json')

/** A change to the workflow, and what is to be said of it. */
const WORKFLOWS = {
  'an action by its tag': [/actions\/checkout@\w{40} # v[\d.]+/, 'actions/checkout@v6', 'release.yml: actions/checkout@v6 is not pinned by the SHA of a commit'],
  'an action by a short SHA': [/(setup-zig@\w{7})\w{33}/, '$1', /mlugg\/setup-zig@\w{7} is not pinned/],
  'an action without its version': [/(install-action@\w{40}) # .*/, '$1', /taiki-e\/install-action@\w{40} has no comment that tells its version/],
  'a job of another repository by its branch': [/jobs:\n/, 'jobs:\n  other:\n    permissions: {}\n    uses: some/where/.github/workflows/x.yml@main\n', /x\.yml@main is not pinned/],
  'no permissions for all jobs': [/^permissions:\n {2}contents: read\n/m, '', /the permissions of all jobs are not/],
  'more permissions for all jobs': [/^permissions:\n {2}contents: read\n/m, 'permissions: write-all\n', /the permissions of all jobs are not/],
  'a job without permissions': [/( {2}build:[^]*?) {4}permissions:\n {6}contents: read\n/, '$1', /job build: it has no permissions of its own/],
  'a secret for all jobs': [/jobs:\n/, `env:\n  TOKEN: ${SECRET}\njobs:\n`, /a secret is in the environment of all jobs/],
  'a secret for all steps of a job': [/ {4}environment: npm\n/, `    environment: npm\n    env:\n      TOKEN: ${SECRET}\n`, /job publish: a secret is in the environment of the whole job/],
  'a secret for a step that does not publish': [/( +)- run: npm run pack:platforms\n/, `$&$1  env: { TOKEN: "${SECRET}" }\n`, /job pack: a step that does not publish has a secret/],
  'a secret in a command': [/npm publish/, `TOKEN=${SECRET} npm publish`, /job publish: a secret is in the text of a command/],
  'install scripts where the packages are made': [/( {2}pack:[^]*?npm ci) --ignore-scripts/, '$1', /job pack: npm runs the install scripts of packages/],
  'install scripts in a container': [/(sh -c 'npm ci) --ignore-scripts/, '$1', /job test: npm runs the install scripts of packages/],
  'no protected environment': [/ {4}environment: npm\n/, '', /job publish: it may publish, and has no protected environment/],
  'other code in the job that publishes': [/( +)- run: \|\n +for package/, '$1- run: npm ci --ignore-scripts\n$&', /job publish: it may publish, and runs code of others/],
  'a job that publishes without a right to sign': [/id-token: write/, 'contents: read', /job publish: it publishes without provenance/]
}

test('nothing is wrong as it is', () => {
  for (const name of fs.readdirSync(path.join(ROOT, '.github', 'workflows'))) {
    expect(checkWorkflow(name, read(`.github/workflows/${name}`))).toEqual([])
  }
  expect(checkPackages(MANIFEST, CARGO)).toEqual([])
})

test.each(Object.entries(WORKFLOWS))('%s', (name, [from, to, problem]) => {
  const text = RELEASE.replace(from, to)
  expect(text).not.toBe(RELEASE)
  expect(checkWorkflow('release.yml', text)).toEqual(expect.arrayContaining([expect.stringMatching(problem)]))
})

const MANIFESTS = {
  'platform packages without a scope': [{ napi: { ...MANIFEST.napi, packageName: 'spillway' } }, /the platform packages have no scope/],
  'platform packages that are named as the main one': [{ napi: { ...MANIFEST.napi, packageName: undefined } }, /the platform packages have no scope/],
  'packages of a scope that are private': [{ publishConfig: undefined }, /packages of a scope are private/],
  'another version than the crate\'s': [{ version: '9.9.9' }, /Cargo\.toml has version .*, package\.json 9\.9\.9/],
  'a script that runs at installation': [{ scripts: { ...MANIFEST.scripts, postinstall: 'node x.js' } }, /postinstall would run/]
}

test.each(Object.entries(MANIFESTS))('%s', (name, [change, problem]) => {
  expect(checkPackages({ ...MANIFEST, ...change }, CARGO)).toEqual([expect.stringMatching(problem)])
})

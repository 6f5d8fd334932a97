'use strict'

// Checks what a release rests on, before anybody can publish by mistake: the
// workflows' actions, rights and secrets, and the names and versions of the packages.
//
//   node scripts/check-release.js        part of npm run lint:package

const fs = require('node:fs')
const path = require('node:path')
const { parseDocument, visit } = require('yaml')

const ROOT = path.join(__dirname, '..')
const WORKFLOWS = path.join(ROOT, '.github', 'workflows')

/** `owner/name@` and the SHA of a commit: a tag can be moved to other code. */
const PINNED = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/
/** Which version that was, for who reads it, and for tools that update it. */
const VERSION = /^\s*v\d+(\.\d+)*\b/

/** Commands that run what packages have as install scripts, unless they are told not to. */
const INSTALL = /\bnpm (ci|install|i)\b(?!.*--ignore-scripts)/

/** Commands that run what others have written. */
const OTHERS = /\b(npx|npm (run|ci|install|i|exec|test))\b/

const PUBLISH = /\bnpm publish\b/

const isRelease = name => name === 'release.yml'

/**
 * @param {string} name of the file
 * @param {string} text
 * @returns {string[]} what is wrong with it
 */
function checkWorkflow (name, text) {
  const document = parseDocument(text)
  const { permissions, env, jobs } = document.toJS()
  return [
    ...checkActions(document),
    ...(isReadOnly(permissions) ? [] : ['the permissions of all jobs are not `contents: read`']),
    ...(usesSecrets(env) ? ['a secret is in the environment of all jobs'] : []),
    ...Object.entries(jobs).flatMap(([job, content]) => checkJob(content, isRelease(name)).map(problem => `job ${job}: ${problem}`))
  ].map(problem => `${name}: ${problem}`)
}

function checkActions (document) {
  const problems = []
  visit(document, {
    Pair (key, { key: { value: name }, value }) {
      if (name !== 'uses' || value.value.startsWith('./')) return
      if (!PINNED.test(value.value)) problems.push(`${value.value} is not pinned by the SHA of a commit`)
      else if (!VERSION.test(value.comment ?? '')) problems.push(`${value.value} has no comment that tells its version`)
    }
  })
  return problems
}

function isReadOnly (permissions) {
  return JSON.stringify(permissions) === '{"contents":"read"}'
}

function usesSecrets (value) {
  return /\bsecrets\b/.test(JSON.stringify(value ?? null))
}

function checkJob ({ permissions, environment, env, steps = [], ...rest }, isOfRelease) {
  const scripts = steps.map(({ run }) => run ?? '')
  const isPrivileged = permissions?.['id-token'] === 'write' || usesSecrets(steps)
  const problems = []
  if (typeof permissions !== 'object') problems.push('it has no permissions of its own')
  if (usesSecrets(env) || usesSecrets(rest)) problems.push('a secret is in the environment of the whole job')
  if (usesSecrets(scripts)) problems.push('a secret is in the text of a command')
  if (isOfRelease && scripts.some(script => INSTALL.test(script))) problems.push('npm runs the install scripts of packages')
  if (isPrivileged && environment === undefined) problems.push('it may publish, and has no protected environment')
  if (isPrivileged && scripts.some(script => OTHERS.test(script))) problems.push('it may publish, and runs code of others')
  if (isPrivileged && steps.some(({ run = '', env }) => usesSecrets(env) && !PUBLISH.test(run))) {
    problems.push('a step that does not publish has a secret')
  }
  if (permissions?.['id-token'] !== 'write' && scripts.some(script => PUBLISH.test(script))) problems.push('it publishes without provenance')
  return problems
}

/**
 * @param {object} manifest package.json
 * @param {string} cargo Cargo.toml
 * @returns {string[]} what is wrong with them
 */
function checkPackages ({ version, publishConfig, napi, scripts }, cargo) {
  const [, crate] = /^version = "(.*)"$/m.exec(cargo)
  const problems = []
  // Anybody may publish under a name that has no scope, and the loader asks for all of them.
  if (!/^@[\w-]+\/[\w-]+$/.test(napi.packageName)) problems.push('package.json: the platform packages have no scope (napi.packageName)')
  if (publishConfig?.access !== 'public') problems.push('package.json: packages of a scope are private, without publishConfig.access')
  if (crate !== version) problems.push(`Cargo.toml has version ${crate}, package.json ${version}: the loader would refuse the addon`)
  const hooks = Object.keys(scripts).filter(name => /^(pre|post)?(install|prepare|publish)|^prepublishOnly$/.test(name))
  if (hooks.length > 0) problems.push(`package.json: ${hooks} would run where the package is installed or published`)
  return problems
}

function main () {
  const workflows = fs.readdirSync(WORKFLOWS)
  const problems = [
    ...workflows.flatMap(name => checkWorkflow(name, fs.readFileSync(path.join(WORKFLOWS, name), 'utf8'))),
    ...checkPackages(require('../package.json'), fs.readFileSync(path.join(ROOT, 'Cargo.toml'), 'utf8'))
  ]
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
  else console.log(`${workflows.length} workflows and the packages' names: no problem found`)
}

if (require.main === module) main()

module.exports = { checkWorkflow, checkPackages }

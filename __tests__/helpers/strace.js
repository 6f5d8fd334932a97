'use strict'

// Faults in the kernel's answers: strace has a call fail that the kernel never sees.

const { execFileSync } = require('node:child_process')

// With the filter in the kernel only the calls that are named cost time.
const OPTIONS = ['-f', '--seccomp-bpf', '-qq', '-s', '0']

/** Why nothing can be injected here, or null. */
function whyNot () {
  try {
    execFileSync('strace', [...OPTIONS, '-e', 'trace=close', '-e', 'inject=close:error=EIO:when=999', 'true'], { stdio: 'ignore' })
    return null
  } catch (error) {
    return error.code === 'ENOENT' ? 'strace is not installed' : 'strace may not trace here'
  }
}

/** `test`, or one that is skipped and says why. */
function testWithFaults (name, run) {
  const reason = whyNotHere ??= { text: whyNot() }
  if (reason.text === null) test(name, run)
  else test.skip(`${name}: ${reason.text}`, run)
}
let whyNotHere

/**
 * For `runScript`: a command under which `call` has `fault`, if it concerns
 * the script's file. What strace saw goes to the script's stderr.
 * @param {string} call the name of a system call
 * @param {string} fault such as 'error=EIO:when=2'; each thread counts its own calls
 * @param {string} [suffix] of another file than the script's
 */
function inject (call, fault, suffix = '') {
  return file => ['strace', ...OPTIONS, '-P', file + suffix, '-e', `trace=${call}`, '-e', `inject=${call}:${fault}`]
}

/**
 * For `runScript`: a command under which the calls that are named go to the
 * script's stderr, if they concern its file or one with a suffix.
 * @param {string} calls names of system calls, between commas
 * @param {string[]} [suffixes] of other files
 * @param {string[]} [faults] as inject() has them, each behind the name of its call and a colon
 */
function trace (calls, suffixes = [], faults = []) {
  return file => ['strace', ...OPTIONS, ...['', ...suffixes].flatMap(suffix => ['-P', file + suffix]), '-e', `trace=${calls}`,
    ...faults.flatMap(fault => ['-e', `inject=${fault}`])]
}

/** @returns {string[]} the names of the calls in the script's stderr, in the order in which they came back */
function callsIn (stderr) {
  // The end of one that took longer than the next stands by itself.
  return [...stderr.matchAll(/^(?:\[pid +\d+\] )?(?:<\.\.\. (\w+) resumed>.*|(\w+)\((?!.*<unfinished \.\.\.>$).*) = .*$/gm)].map(([, resumed, name]) => resumed ?? name)
}

/** How many faults were injected, by the script's stderr. */
function countInjected (stderr) {
  return stderr.match(/\((INJECTED|DELAYED)\)/g)?.length ?? 0
}

module.exports = { testWithFaults, inject, trace, callsIn, countInjected }

'use strict'

// A command line tool that has no end but this.
function run (out, lines) {
  for (const line of lines) out.write(line)
  process.exit()
}

module.exports = {
  name: 'process-exit',
  title: 'process.exit()',
  seen: [
    'A command line tool works for two seconds, writes lines meanwhile, faster than their reader takes them, and calls process.exit(), as many do at their end or at an error.',
    'With Node’s stream everything that is still buffered is lost: here nearly all. With spillway the end of the process waits until the target has every byte that write() has accepted.'
  ],
  input: 'busy',
  pace: 16 * 1024 * 1024,
  seconds: 2,
  knobs: { mark: 'default', chunk: 1024, speed: 8 * 1024 * 1024, limit: 'none' },
  speeds: () => true,
  run
}

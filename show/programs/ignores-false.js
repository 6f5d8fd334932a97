'use strict'

// No callback, no event: write() in a loop that holds the JavaScript thread.
function run (out, lines) {
  for (const line of lines) out.write(line) // and whatever it returns
  out.end()
}

module.exports = {
  name: 'ignores-false',
  title: 'A loop that ignores false',
  seen: [
    'write() says false, “no more, please”, and the loop goes on. It never lets the event loop turn, and Node’s stream writes nothing before that: all lines pile up in memory, until this page’s limit stops the process and every line is lost.',
    'spillway’s lines leave memory while the loop runs, since Rust writes them on a thread of its own. Both streams count the same bytes as buffered, because that count falls only when the event loop turns; the memory shows who still has them.',
    'If the target is slower than the loop, spillway’s memory grows, too, unless it is limited: choose a slow reader, with and without the limit.'
  ],
  input: 'busy',
  pace: 20 * 1024 * 1024,
  seconds: 5,
  knobs: { mark: 'default', chunk: 100, speed: 'disk', limit: 'none' },
  speeds: () => true,
  run
}

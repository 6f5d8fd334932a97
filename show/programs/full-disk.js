'use strict'

const { once } = require('node:events')

async function run (out, lines) {
  for await (const line of lines) {
    if (!out.write(line)) await once(out, 'drain')
  }
  out.end()
}

module.exports = {
  name: 'full-disk',
  title: 'A full disk',
  seen: [
    'The disk has room for 6 MiB, and gets more three seconds after the start. (The system’s limit on the size of a file stands for the disk, so the error is EFBIG in the place of ENOSPC.)',
    'Node’s stream fails at the first byte that finds no room: it is destroyed, and what was buffered is lost.',
    'spillway has the option retry here. It keeps what it has, write() says false meanwhile, and it goes on at the exact byte when there is room.'
  ],
  input: 'paced',
  pace: 4 * 1024 * 1024,
  seconds: 5,
  /** In bytes; and when there is more room, in milliseconds. */
  disk: { size: 6 * 1024 * 1024, grows: 3000 },
  options: { retry: { codes: ['EFBIG', 'ENOSPC'], interval: 100 } },
  knobs: { mark: 'default', chunk: 4096, speed: 'disk', limit: 'none' },
  speeds: speed => speed === 'disk',
  run
}

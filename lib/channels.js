'use strict'

// What is told to whoever observes the process: https://nodejs.org/api/diagnostics_channel.html

const { channel } = require('node:diagnostics_channel')

module.exports = {
  /** { stream, path, fd }: bytes flow. */
  open: channel('spillway:open'),
  /** { stream }: 'drain' is about to be emitted. */
  drain: channel('spillway:drain'),
  /** { stream, error }: the target refuses, and is asked again. */
  stall: channel('spillway:stall'),
  /** { stream, size }: a chunk of `size` bytes is dropped. */
  drop: channel('spillway:drop'),
  /** { stream, error }: the stream is closed, with `error` or null. */
  close: channel('spillway:close')
}

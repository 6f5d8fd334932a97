// The transport for pino, of which users see the options alone.

import transport = require('spillway/pino')
import spillway = require('spillway')

const options: transport.TransportOptions = { destination: 'a.log', mkdir: true, append: false, lowWaterMark: 1, retry: { interval: 10 } }
const out: Promise<spillway.WriteStream> = transport(options)
out.then(stream => stream.flushSync())
transport({ destination: 2 })
transport()

// @ts-expect-error Said by `append`.
transport({ flags: 'a' })
// @ts-expect-error A signal can't be copied to a thread.
transport({ signal: new AbortController().signal })
// @ts-expect-error A path is a string: an URL can't be copied to a thread.
transport({ destination: new URL('file:///a.log') })

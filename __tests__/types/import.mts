// An ES module: named imports, the default import, a namespace.

import { pipeline } from 'node:stream/promises'
import { createReadStream } from 'node:fs'
import spillway, { createWriteStream, WriteStream, type WriteStreamOptions } from 'spillway'
import * as all from 'spillway'

const options: WriteStreamOptions = { flags: 'a', lowWaterMark: 64 * 1024 }
const out: WriteStream = createWriteStream('a.log', options)
await pipeline(createReadStream('b.log'), out)

const same: WriteStream[] = [
  spillway.createWriteStream('a.log'),
  new spillway.WriteStream('a.log'),
  all.createWriteStream('a.log'),
  new WriteStream('a.log')
]
for (const stream of same) stream.end()

// @ts-expect-error There is no such export.
export { register } from 'spillway'

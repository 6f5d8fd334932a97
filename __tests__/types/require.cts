// A CommonJS module: `import = require` is TypeScript's typed `require`.

import spillway = require('spillway')

const { createWriteStream, WriteStream } = spillway
const out: spillway.WriteStream = createWriteStream('a.log', 'latin1')
const isOne: boolean = out instanceof WriteStream
out.end(String(isOne))

// @ts-expect-error The module is not a function.
spillway('a.log')

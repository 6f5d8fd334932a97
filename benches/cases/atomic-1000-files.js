'use strict'

const SIZE = 10_000
const bytes = Buffer.alloc(SIZE, 'spillway ')

module.exports = {
  title: '1,000 files of 10 KB, each put in its place at once',
  period: bytes,
  count: 1000,
  files: 1000,
  onDisk: true,
  options: { atomic: true },
  peers: ['write-file-atomic'],
  run: out => out.end(bytes)
}

'use strict'

// A pipe into which several processes write: lines that fit into PIPE_BUF are not torn.

const { runScript } = require('../helpers/child.js')

const LINES = 5000

const WAYS = {
  'by path': 'createWriteStream(fifo)',
  'by a descriptor': 'createWriteStream(null, { fd: fs.openSync(fifo, "w") })'
}

test.each(Object.entries(WAYS))('lines of processes that write into one pipe stay whole, %s', async (_, open) => {
  const { code, stdout, stderr } = await runScript('spillway', `
    const { execFileSync, spawn, fork } = require('node:child_process')
    const fifo = file + '.fifo'
    const line = (writer, number) => [writer, number, String.fromCharCode(97 + number % 26).repeat(number * 7919 % 4000)].join(' ') + '\\n'
    if (process.argv[2] !== undefined) {
      const out = ${open}
      for (let number = 0; number < ${LINES}; number++) out.write(line(process.argv[2], number))
      out.end()
    } else {
      execFileSync('mkfifo', [fifo])
      const reader = spawn('cat', [fifo])
      // Until all writers have come.
      const held = fs.openSync(fifo, 'w')
      const writers = ['A', 'B', 'C'].map(name => fork(__filename, [name]))
      Promise.all(writers.map(writer => new Promise(resolve => writer.once('exit', resolve)))).then(codes => {
        fs.closeSync(held)
        console.log(codes.join())
      })
      const seen = new Map()
      let torn = 0
      require('node:readline').createInterface({ input: reader.stdout }).on('line', text => {
        const [writer, number] = text.split(' ', 2)
        if (text + '\\n' === line(writer, Number(number)) && Number(number) === (seen.get(writer) ?? 0)) seen.set(writer, Number(number) + 1)
        else torn++
      }).on('close', () => console.log(torn, [...seen].sort().join(' ')))
    }`)
  expect([code, stderr, stdout]).toEqual([0, '', `0,0,0\n0 A,${LINES} B,${LINES} C,${LINES}\n`])
})

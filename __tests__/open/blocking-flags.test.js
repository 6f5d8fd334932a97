'use strict'

// A stream's descriptor can be given to others: it waits where theirs would.

const { spawnSync } = require('node:child_process')
const { runScript } = require('../helpers/child.js')

const testOnLinux = process.platform === 'linux' ? test : test.skip
const hasTerminal = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0
const testWithTerminal = hasTerminal ? test : test.skip

/** Whether O_NONBLOCK is set. */
const IS_NONBLOCKING = 'const isNonblocking = fd => (parseInt(/^flags:\\s*(\\d+)/m.exec(fs.readFileSync("/proc/self/fdinfo/" + fd, "latin1"))[1], 8) & fs.constants.O_NONBLOCK) !== 0\n'

describe.each(['stock', 'spillway'])('%s', which => {
  testOnLinux('the descriptor of a FIFO that was opened by path waits for room', async () => {
    const { code, stdout, stderr } = await runScript(which, `${IS_NONBLOCKING}
      const { execFileSync, spawn } = require('node:child_process')
      execFileSync('mkfifo', [file + '.fifo'])
      const reader = spawn('sh', ['-c', 'sleep 0.2; wc -c < ' + file + '.fifo'], { stdio: ['ignore', 'inherit', 'inherit'] })
      const out = createWriteStream(file + '.fifo')
      out.write('text', () => {
        console.log(isNonblocking(out.fd))
        console.log(fs.writeSync(out.fd, Buffer.alloc(1_000_000)))
        const child = spawn('head', ['-c', '1000000', '/dev/zero'], { stdio: ['ignore', out, 'inherit'] })
        child.once('exit', code => {
          console.log(code)
          out.end()
        })
      })`)
    expect([code, stderr, stdout]).toEqual([0, '', 'false\n1000000\n0\n2000004\n'])
  })

  testWithTerminal('the descriptor of a terminal that was opened by path waits for room', async () => {
    const { code, stdout } = await runScript(which, `${IS_NONBLOCKING}
      const { execFileSync } = require('node:child_process')
      if (process.argv[2] === undefined) {
        const command = [process.execPath, __filename, 'inside'].join(' ')
        console.log(execFileSync('script', ['-q', '-e', '-c', command, '/dev/null'], { encoding: 'latin1' }))
      } else {
        const out = createWriteStream('/dev/tty')
        out.end('a line\\n' + 'x'.repeat(5000) + '\\nlast\\n')
        out.once('ready', () => fs.writeSync(1, 'nonblocking ' + isNonblocking(out.fd) + '\\n'))
      }`)
    expect(code).toBe(0)
    expect(stdout.replace('nonblocking false\r\n', '')).toContain(`a line\r\n${'x'.repeat(5000)}\r\nlast\r\n`)
    expect(stdout).toContain('nonblocking false')
  })
})

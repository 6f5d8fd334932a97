'use strict'

// docs/recipes/platform.md: what Node brings, with our streams at its end.

const { testPage } = require('../helpers/page.js')

const LINES = 50_000

/** As many lines as one string. */
const lines = (count, prefix) => Array.from({ length: count }, (_, at) => `${prefix} ${at}\n`).join('')

const web = {
  'are written whole': async run => {
    expect(await run(`
      let at = 0
      const readable = new ReadableStream({
        pull (controller) {
          if (at === 300) controller.close()
          else controller.enqueue(new Uint8Array(10000).fill(at++))
        }
      })
      await save(readable, 'a.bin')
      const bytes = fs.readFileSync('a.bin')
      return [bytes.length, bytes.every((byte, at) => byte === Math.floor(at / 10000) % 256)]`)).toEqual([3_000_000, true])
  },

  'wait, and are cancelled, when the file takes nothing': async run => {
    const { code, isCancelled, asked } = await run(`
      let isCancelled = false
      let asked = 0
      const readable = new ReadableStream({
        pull (controller) {
          asked++
          controller.enqueue(new Uint8Array(10000))
        },
        cancel () { isCancelled = true }
      })
      const code = await save(readable, '/dev/full').catch(error => error.code)
      return { code, isCancelled, asked }`)
    expect({ code, isCancelled }).toEqual({ code: 'ENOSPC', isCancelled: true })
    // A default high-water mark's worth and what is under way, far from the million that toWeb() would take.
    expect(asked).toBeLessThan(1000)
  }
}

const ITER = '--experimental-stream-iter'

const iter = {
  'is written whole, no more of it waits than the mark and a chunk': async run => {
    const [count, isRight, peak] = await run(`
      let out
      require('node:diagnostics_channel').subscribe('spillway:open', message => { out = message.stream })
      async function * source () {
        for (let at = 0; at < 3000; at++) yield new Uint8Array(10000).fill(at)
      }
      const count = await save(source(), 'a.bin')
      const isRight = fs.readFileSync('a.bin').every((byte, at) => byte === Math.floor(at / 10000) % 256)
      return [count, isRight, out.stats().peakBufferedBytes]`, { args: [ITER] })
    expect([count, isRight]).toEqual([30_000_000, true])
    expect(peak).toBeLessThan(1024 * 1024 + 10_000)
  },

  'waits, and is returned, when the file takes nothing': async run => {
    const { code, isReturned, asked } = await run(`
      let isReturned = false
      let asked = 0
      async function * source () {
        try {
          for (;;) {
            asked++
            yield new Uint8Array(10000)
          }
        } finally {
          isReturned = true
        }
      }
      const code = await save(source(), '/dev/full').catch(error => error.code)
      return { code, isReturned, asked }`, { args: [ITER] })
    expect({ code, isReturned }).toEqual({ code: 'ENOSPC', isReturned: true })
    expect(asked).toBeLessThan(1000)
  }
}

testPage('recipes/platform', {
  'The output of a program': {
    'is in the file, and its code is known': async run => {
      expect(await run(`
        const code = await save(process.execPath, ['-e', 'process.stdout.write("x".repeat(3e6)); process.exitCode = 3'], 'a.txt')
        return [code, fs.readFileSync('a.txt', 'utf8') === 'x'.repeat(3e6)]`)).toEqual([3, true])
    }
  },

  'Standard output': {
    'of a program that exits at once comes whole through a slow pipe': async run => {
      const { stdout } = await run(`
        let isFull = false
        for (let at = 0; at < ${LINES}; at++) if (!out.write('line ' + at + '\\n')) isFull = true
        out.write(isFull + '\\n')
        process.exit()`, { name: 'none', prefix: ['sh', '-c', '"$0" "$@" | dd bs=64 2> /dev/null'] })
      // Less than the default high-water mark: nobody has to wait.
      expect(stdout).toBe(`${lines(LINES, 'line')}false\n`)
    },

    'makes who waits for drain as slow as its reader, and stays open': async run => {
      const { stdout } = await run(`
        const { once } = require('node:events')
        for (let at = 0; at < 100; at++) if (!out.write('x'.repeat(50000))) await once(out, 'drain')
        out.end()
        await once(out, 'finish')
        fs.writeSync(1, JSON.stringify([out.stats().drains > 0, out.stats().peakBufferedBytes < 1048576 + 50000]))`,
      { name: 'none', prefix: ['sh', '-c', '"$0" "$@" | dd bs=512 2> /dev/null'] })
      expect(stdout.slice(stdout.lastIndexOf('x') + 1)).toBe('[true,true]')
      expect(stdout.lastIndexOf('x')).toBe(5_000_000 - 1)
    }
  },

  'Web streams': web,
  pipeTo: web,

  'stream/iter': process.allowedNodeEnvironmentFlags.has(ITER) ? iter : 'this Node has no stream/iter',

  'Worker threads': {
    'that exit at once lose nothing': async run => {
      const { content, stderr } = await run(`
        if (isMainThread) process.on('exit', () => fs.writeFileSync(file, ['a', 'b', 'c'].map(name => fs.readFileSync(name + '.log', 'utf8')).join('')))
      `, { name: 'all' })
      expect(stderr).toBe('')
      expect(String(content)).toBe(['a', 'b', 'c'].map(name => lines(10_000, name)).join(''))
    }
  }
})

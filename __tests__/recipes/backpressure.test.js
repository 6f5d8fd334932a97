'use strict'

// docs/backpressure.md: every claim it makes about memory, on streams that are slower than their writer.

const { testPage } = require('../helpers/page.js')

const values = { targets: require.resolve('../helpers/targets.js') }
const KIB = 1024

/** `out` into a pipe that is read by nobody until `fifo.read()` is called, and the mark `MARK`. */
const SLOW = `
  const MARK = 16384
  const fifo = require(given.targets).stuckPipe(require('node:path').dirname(file))
  const out = require('spillway').createWriteStream(fifo.path, { highWaterMark: MARK })
  // Before that a reader sees the end of the pipe.
  await require('node:events').once(out, 'ready')`

testPage('backpressure', {
  'The mark': {
    'is answered false, and the chunk is taken': async run => {
      const { stdout, content } = await run('', { name: 'out.txt' })
      expect(stdout).toBe('true\nfalse\nfalse\n')
      expect(String(content)).toBe('1234567890abcde')
    }
  },

  'When nobody waits': {
    'all that the target does not take is in memory': async run => {
      const { level, size, taken } = await run(`${SLOW}
        writeAll(out, 100000)
        const level = out.writableLength
        out.end()
        const size = (await fifo.read()).length
        fifo.close()
        return { level, size, taken: 2 * 65536 }`, { values })
      expect(level).toBeGreaterThan(size - taken)
    },

    'spillway writes while the loop runs, and Node does not': async run => {
      const { ours, nodes } = await run(`
        const size = () => fs.statSync('out.txt', { throwIfNoEntry: false })?.size ?? 0
        writeAll(fs.createWriteStream('out.txt'), 100000)
        const nodes = size()
        fs.rmSync('out.txt', { force: true })
        const out = createWriteStream('out.txt')
        for (let left = 10000; left > 0 && size() === 0; left--) writeAll(out, 100)
        return { nodes, ours: size() }`)
      expect(nodes).toBe(0)
      expect(ours).toBeGreaterThan(0)
    }
  },

  'Who waits for drain': {
    'holds a mark and a chunk at most': async run => {
      const { peak, mark, lines } = await run(`${SLOW}
        const done = writeLines(out, 50000)
        const text = String(await fifo.read())
        await done
        fifo.close()
        return { peak: out.stats().peakBufferedBytes, mark: MARK, lines: text.trimEnd().split('\\n').every((line, at) => line === 'line ' + at) }`, { values })
      expect(peak).toBeGreaterThanOrEqual(mark)
      expect(peak).toBeLessThan(mark + 'line 50000\n'.length)
      expect(lines).toBe(true)
    },

    'is told when the stream fails': async run => {
      expect(await run(`
        const out = createWriteStream('/dev/full', { highWaterMark: 10 })
        return writeLines(out, 1000).catch(error => error.code)`)).toBe('ENOSPC')
    }
  },

  pipeline: {
    'holds a mark and a chunk at most': async run => {
      const { peak, mark, same } = await run(`${SLOW}
        const bytes = require('node:crypto').randomBytes(1e6)
        fs.writeFileSync('in.bin', bytes)
        const done = copy('in.bin', out)
        const read = await fifo.read()
        await done
        fifo.close()
        return { peak: out.stats().peakBufferedBytes, mark: MARK, same: read.equals(bytes) }`, { values })
      expect(same).toBe(true)
      expect(peak).toBeGreaterThanOrEqual(mark)
      expect(peak).toBeLessThan(mark + 64 * KIB)
    },

    'destroys the other side when one fails': async run => {
      expect(await run(`
        const out = createWriteStream('out.txt')
        const code = await copy('none', out).catch(error => error.code)
        return [code, out.destroyed]`)).toEqual(['ENOENT', true])
    }
  },

  'for await': {
    'keeps characters whole whose bytes come in two chunks': async run => {
      expect(await run(`
        const bytes = Buffer.from('straße ähnlich 😀')
        const out = createWriteStream('upper.txt')
        await toUpperCase(Array.from(bytes, byte => Buffer.from([byte])), out)
        await once(out, 'close')
        return fs.readFileSync('upper.txt', 'utf8')`)).toBe('STRASSE ÄHNLICH 😀')
    },

    'makes the source wait': async run => {
      const { early, size, peak, mark } = await run(`${SLOW}
        let early = 0
        async function * source () {
          for (let at = 0; at < 300; at++) {
            if (out.writableNeedDrain) early++
            yield 'x'.repeat(1024)
          }
        }
        const done = toUpperCase(source(), out)
        const text = String(await fifo.read())
        await done
        fifo.close()
        return { early, size: /^X+$/.exec(text)[0].length, peak: out.stats().peakBufferedBytes, mark: MARK }`, { values })
      expect(early).toBe(0)
      expect(size).toBe(300 * KIB)
      expect(peak).toBe(mark)
    }
  },

  lowWaterMark: {
    'drain comes while bytes still wait': async run => {
      const level = await run(`
        const fifo = require(given.targets).stuckPipe(require('node:path').dirname(file))
        const out = open(fifo.path)
        await require('node:events').once(out, 'ready')
        if (out.write(Buffer.alloc(256 * 1024))) throw new Error('below the mark')
        let level
        out.once('drain', () => { level = out.writableLength })
        // As much as it takes to come below the low mark, beside the 64 KiB that a pipe holds, and no more.
        const reader = fs.openSync(fifo.path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
        for (let left = 96 * 1024; level === undefined;) {
          try {
            if (left > 0) left -= fs.readSync(reader, Buffer.alloc(4096))
          } catch (error) {
            if (error.code !== 'EAGAIN') throw error
          }
          await new Promise(resolve => setImmediate(resolve))
        }
        out.end()
        await fifo.read()
        fifo.close()
        return level`, { values })
      expect(level).toBeGreaterThan(0)
      expect(level).toBeLessThanOrEqual(128 * KIB)
    }
  },

  budget: {
    'strict fails with the chunk that is too many': async run => {
      const { code, peak } = await run(`
        const fifo = require(given.targets).stuckPipe(require('node:path').dirname(file))
        const out = open(fifo.path, 'strict')
        await require('node:events').once(out, 'ready')
        const failed = new Promise(resolve => out.once('error', resolve))
        while (!out.errored) out.write('x'.repeat(10000))
        await fifo.read()
        const { code } = await failed
        fifo.close()
        return { code, peak: out.stats().peakBufferedBytes }`, { values })
      expect(code).toBe('ERR_OUT_OF_RANGE')
      expect(peak).toBeLessThanOrEqual(256 * KIB)
    },

    'block keeps all and never holds more': async run => {
      const { peak, size } = await run(`
        const out = open('out.txt', 'block')
        for (let at = 0; at < 1000; at++) out.write('x'.repeat(10000))
        out.end()
        await require('node:events').once(out, 'close')
        return { peak: out.stats().peakBufferedBytes, size: fs.statSync('out.txt').size }`)
      expect(size).toBe(10_000_000)
      expect(peak).toBeLessThanOrEqual(256 * KIB)
    },

    'drop-newest drops whole chunks and counts them': async run => {
      const { stats, size, drops } = await run(`
        const fifo = require(given.targets).stuckPipe(require('node:path').dirname(file))
        const out = open(fifo.path, 'drop-newest')
        await require('node:events').once(out, 'ready')
        let drops = 0
        out.on('drop', () => drops++)
        for (let at = 0; at < 100; at++) out.write('x'.repeat(10000))
        out.end()
        const size = (await fifo.read()).length
        fifo.close()
        return { stats: out.stats(), size, drops }`, { values })
      expect(stats.droppedChunks).toBeGreaterThan(0)
      expect(drops).toBe(stats.droppedChunks)
      expect(size).toBe(10_000 * (100 - drops))
      expect(stats.peakBufferedBytes).toBeLessThanOrEqual(256 * KIB)
    }
  }
})

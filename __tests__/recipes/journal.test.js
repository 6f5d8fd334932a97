'use strict'

// docs/recipes/journal.md: what was acknowledged is there, after any end.

const { testPage } = require('../helpers/page.js')

testPage('recipes/journal', {
  'Append and acknowledge': {
    'entries are there, in order, and those of before': async run => {
      expect(await run(`
        for (const round of [0, 1]) {
          const journal = await Journal.open('journal')
          await Promise.all(Array.from({ length: 500 }, (_, at) => journal.append({ round, at })))
          await journal.close()
        }
        const entries = await readJournal('journal')
        return [entries.length, entries.every(({ round, at }, number) => number === round * 500 + at)]`)
      ).toEqual([1000, true])
    },

    'a torn entry is cut off, and nothing else': async run => {
      expect(await run(`
        fs.writeFileSync('journal', '{"at":1}\\n{"at":2}\\n{"a')
        const journal = await Journal.open('journal')
        await journal.append({ at: 3 })
        await journal.close()
        return readJournal('journal')`)
      ).toEqual([{ at: 1 }, { at: 2 }, { at: 3 }])
    },

    'after SIGKILL every acknowledged entry is there': async run => {
      const { code, stdout, content } = await run(`
        const journal = await Journal.open(file)
        let next = 0
        const writer = async () => {
          for (;;) {
            const at = next++
            await journal.append({ at })
            fs.writeSync(1, at + '\\n')
            if (at > 1000) process.kill(process.pid, 'SIGKILL')
          }
        }
        for (let count = 0; count < 20; count++) writer()`, { name: 'journal' })
      expect(code).toBe('SIGKILL')
      const kept = new Set(String(content).split('\n').slice(0, -1).map(line => JSON.parse(line).at))
      const told = stdout.trim().split('\n').map(Number)
      expect(told.length).toBeGreaterThan(900)
      expect(told.filter(at => !kept.has(at))).toEqual([])
    },

    'after an error nothing is acknowledged': async run => {
      expect(await run(`
        const out = createWriteStream('/dev/full', { durable: true })
        await once(out, 'open')
        const journal = new Journal(out)
        const told = []
        for (let at = 0; at < 3; at++) await journal.append({ at }).then(() => told.push('written'), ({ code }) => told.push(code))
        await journal.close().catch(({ code }) => told.push(code))
        return told`)
      ).toEqual(['ENOSPC', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_DESTROYED', 'ENOSPC'])
    }
  }
})

'use strict'

// docs/recipes/monitoring.md: the table and the metrics tell what was written.

const { testPage } = require('../helpers/page.js')

const write = `
  const { once } = require('node:events')
  const { createWriteStream } = require('spillway')
  const write = async (name, text) => {
    const out = createWriteStream(name)
    out.end(text)
    await once(out, 'close')
  }`

testPage('recipes/monitoring', {
  'A table in the terminal': {
    'the last table is shown when the program ends': async run => {
      const { code, stderr } = await run(`${write}; await write('a.log', 'text')`, { name: 'a.log' })
      expect(code).toBe(0)
      expect(stderr).toMatch(/^a\.log \(closed\) +4 B +4 B /m)
    },

    'none is shown after stop()': async run => {
      const { code, stderr } = await run(`${write}; monitor.stop(); await write('a.log', 'text')`, { name: 'a.log' })
      expect([code, stderr]).toEqual([0, ''])
    }
  },

  'Metrics for Prometheus': {
    'a scrape finds what was written': async run => {
      expect(await run(`${write}
        if (!server.listening) await once(server, 'listening')
        await write('a.log', 'text')
        const response = await fetch('http://127.0.0.1:' + server.address().port, { headers: { connection: 'close' } })
        server.close()
        return [response.headers.get('content-type'), await response.text()]`, { prefix: ['env', 'METRICS_PORT=0'] })
      ).toEqual([expect.stringMatching(/^text\/plain; version=0\.0\.4/), expect.stringMatching(/^spillway_written_bytes_total 4$/m)])
    }
  },

  'One series for each kind of file': {
    'files that differ in a number are one': async run => {
      expect(await run(`${write}
        await write('a-1.log', 'text')
        await write('a-2.log', 'te')
        return register.metrics()`)).toMatch(/^shop_spillway_written_bytes_total\{app="web",path="a-N.log"\} 6$/m)
    },

    'stop() takes them out': async run => {
      expect(await run('stop(); return register.getMetricsAsArray().length')).toBe(0)
    }
  }
})

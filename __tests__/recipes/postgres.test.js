'use strict'

// docs/recipes/postgres.md: a real server, and every row of a query in the file.

const { testPage } = require('../helpers/page.js')
const { withPostgres } = require('../helpers/postgres.js')

const ROWS = 1_000_000
const QUERY = "select id, 'name of ' || id as name from generate_series(1, $) as id"

withPostgres(settings => {
  const values = () => ({ settings: settings(), query: QUERY, ROWS })

  testPage('recipes/postgres', {
    'pg-query-stream': {
      'all rows are written': async run => {
        expect(await run(`
          await save(given.settings, given.query.replace('$', given.ROWS), 'a.json')
          const lines = fs.readFileSync('a.json', 'utf8').trimEnd().split('\\n')
          return [lines.length, lines.every((line, at) => line === JSON.stringify({ id: at + 1, name: 'name of ' + (at + 1) }))]`,
        { values: values() })).toEqual([ROWS, true])
      },

      'a full disk ends the query': async run => {
        expect(await run(`
          return save(given.settings, given.query.replace('$', 10000000), '/dev/full').catch(error => error.code)`,
        { values: values() })).toBe('ENOSPC')
      }
    }
  })
})

'use strict'

// docs/recipes/export.md: a real server; the table is whole or not there.

const { testPage } = require('../helpers/page.js')
const { withPostgres } = require('../helpers/postgres.js')

const ROWS = 300_000
const QUERY = "select id, 'name, of \"' || id || '\"' as name from generate_series(1, $) as id"

withPostgres(settings => {
  const values = () => ({ settings: settings(), query: QUERY, ROWS })

  testPage('recipes/export', {
    'PostgreSQL to .csv.gz': {
      'every row is in the table, and the hash is that of the file': async run => {
        expect(await run(`
          const path = 'exports/2026/rows.csv.gz'
          const told = await exportRows(given.settings, given.query.replace('$', given.ROWS), path)
          const file = fs.readFileSync(path)
          const text = require('node:zlib').gunzipSync(file).toString()
          const lines = text.trimEnd().split('\\n')
          const isRight = lines.slice(1).every((line, at) => line === (at + 1) + ',"name, of ""' + (at + 1) + '"""')
          const sha256 = require('node:crypto').createHash('sha256').update(file).digest('hex')
          return [lines[0], lines.length, isRight, told.sha256 === sha256, told.writtenBytes === text.length, told.fileBytes === file.length,
            fs.readdirSync('exports/2026')]`,
        { values: values() })).toEqual(['id,name', ROWS + 1, true, true, true, true, ['rows.csv.gz']])
      },

      'a query that fails midway leaves the table of yesterday': async run => {
        expect(await run(`
          fs.writeFileSync('rows.csv.gz', 'of yesterday')
          const query = 'select 1 / (200000 - id) as id from generate_series(1, 300000) as id'
          const error = await exportRows(given.settings, query, 'rows.csv.gz').catch(error => error.message)
          return [error, fs.readFileSync('rows.csv.gz', 'latin1'), fs.readdirSync('.').filter(name => name.includes('spillway'))]`,
        { values: values() })).toEqual(['division by zero', 'of yesterday', []])
      }
    }
  })
})

'use strict'

// docs/recipes/tables.md: every row is in the file, in its order.

const { testPage } = require('../helpers/page.js')

const ROWS = 1_000_000

const values = { ROWS }
const MAKE = `
  function * rows (count) {
    for (let id = 0; id < count; id++) yield { id, name: 'name, of ' + id }
  }`

const csv = {
  'all rows are written': async run => {
    const { isRight, size } = await run(`${MAKE}
      await save(rows(given.ROWS), 'a.csv')
      const text = fs.readFileSync('a.csv', 'utf8')
      const lines = Array.from(rows(given.ROWS), ({ id, name }) => id + ',"' + name + '"\\n')
      return { isRight: text === 'id,name\\n' + lines.join(''), size: text.length }`, { values })
    expect(isRight).toBe(true)
    expect(size).toBeGreaterThan(ROWS * 14)
  },

  'a full disk is an error, and the rows are not asked for any more': async run => {
    const { code, asked } = await run(`${MAKE}
      fs.symlinkSync('/dev/full', 'a.csv')
      let asked = 0
      function * counted () {
        for (const row of rows(1e6)) {
          asked++
          yield row
        }
      }
      const code = await save(counted(), 'a.csv').catch(error => error.code)
      return { code, asked }`)
    expect(code).toBe('ENOSPC')
    expect(asked).toBeLessThan(1e6)
  }
}

testPage('recipes/tables', {
  'csv-stringify': csv,
  'fast-csv': csv,
  exceljs: {
    'all rows are written': async run => {
      expect(await run(`${MAKE}
        await save(rows(2000), 'a.xlsx')
        const workbook = new (require('exceljs').Workbook)()
        await workbook.xlsx.readFile('a.xlsx')
        const sheet = workbook.getWorksheet('rows')
        return [sheet.rowCount, Array.from({ length: 2000 }, (_, at) => at).every(at =>
          sheet.getCell(at + 1, 1).value === at && sheet.getCell(at + 1, 2).value === 'name, of ' + at)]`)).toEqual([2000, true])
    }
  }
})

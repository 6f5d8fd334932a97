'use strict'

// The files of the page. A table, not a folder: a path that is not in it leads nowhere.

const fs = require('node:fs')
const path = require('node:path')

const page = name => path.join(__dirname, 'page', name)
// uPlot draws series that grow many times a second, and nothing else: 50 KB, where ECharts, which draws the
// benchmarks, has a megabyte.
const uplot = name => path.join(path.dirname(require.resolve('uplot/package.json')), 'dist', name)

const ASSETS = {
  '/': [page('index.html'), 'text/html'],
  '/style.css': [page('style.css'), 'text/css'],
  '/icon.svg': [page('icon.svg'), 'image/svg+xml'],
  '/page.mjs': [page('page.mjs'), 'text/javascript'],
  '/side.mjs': [page('side.mjs'), 'text/javascript'],
  '/chart.mjs': [page('chart.mjs'), 'text/javascript'],
  '/form.mjs': [page('form.mjs'), 'text/javascript'],
  '/words.mjs': [page('words.mjs'), 'text/javascript'],
  '/uplot.mjs': [uplot('uPlot.esm.js'), 'text/javascript'],
  '/uplot.css': [uplot('uPlot.min.css'), 'text/css']
}

/** @returns {{ type: string, body: Buffer } | null} */
function find (pathname) {
  if (!Object.hasOwn(ASSETS, pathname)) return null
  const [file, type] = ASSETS[pathname]
  return { type: `${type}; charset=utf-8`, body: fs.readFileSync(file) }
}

module.exports = { find, paths: Object.keys(ASSETS) }

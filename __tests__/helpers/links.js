'use strict'

// The links of pages in Markdown.

const fs = require('node:fs')
const path = require('node:path')

const withoutCode = text => text.replace(/^```[^]*?^```$/gm, '').replace(/`[^`\n]*`/g, '')

/** As GitHub makes them of headings, and those that stand there as HTML. */
function anchorsOf (text) {
  const headings = [...text.replace(/^```[^]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading)
  const names = headings.map(heading => heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'))
  return [...names, ...[...text.matchAll(/^<a id="(.*)"><\/a>$/gm)].map(([, id]) => id)]
}

/** Links and pictures of a page that lead into its own folder, or those around it. */
function linksOf (page) {
  const links = [...withoutCode(fs.readFileSync(page, 'utf8')).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link)
  return links.filter(link => !/^[a-z]+:/.test(link))
}

/** Whether a link of a page leads to a file, and to a heading of it if it names one. */
function isThere (page, link) {
  const [file, anchor] = link.split('#')
  const target = file === '' ? page : path.join(path.dirname(page), file)
  if (!fs.existsSync(target)) return false
  return anchor === undefined || anchorsOf(fs.readFileSync(target, 'utf8')).includes(anchor)
}

module.exports = { linksOf, isThere }

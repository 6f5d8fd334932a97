'use strict'

// The server: the page, what it must know, and its runs.

const http = require('node:http')
const os = require('node:os')
const assets = require('./assets.js')
const { Desk, Refusal } = require('./desk.js')
const { HEADERS, refuse } = require('./guard.js')
const programs = require('./programs')

function send (response, { status = 200, type = 'text/plain; charset=utf-8', body }) {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}

async function answer (desk, request, response) {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
  const refusal = refuse(request, request.socket.localPort)
  if (refusal !== null) throw new Refusal(refusal.status, refusal.message)
  // The part before the query is compared as it stands, so that no spelling of a path means another.
  const [pathname, query] = request.url.split('?', 2)
  if (pathname === '/run' && request.method === 'GET') return desk.serve(new URLSearchParams(query), response)
  if (pathname === '/programs.json') return send(response, { type: 'application/json', body: JSON.stringify(programs.describe()) })
  const asset = assets.find(pathname)
  if (asset === null) throw new Refusal(404, 'nothing here')
  send(response, asset)
}

/**
 * Serves the page on a free port of this machine alone.
 * @param {string} [folder] where the files of the runs go; each run removes its own
 * @returns {Promise<{ url: string, close: () => Promise<void> }>} `close` ends all runs, too
 */
async function serve (folder = os.tmpdir()) {
  const desk = new Desk(folder)
  const server = http.createServer((request, response) => {
    answer(desk, request, response).catch(error => send(response, { status: error.status ?? 500, body: error.message }))
  })
  await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    async close () {
      await desk.close()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }
  }
}

module.exports = serve

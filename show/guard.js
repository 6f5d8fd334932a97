'use strict'

// Who may ask. A browser lets any page of the web send requests to this server, and any name may resolve to 127.0.0.1.

/** @returns {{ status: number, message: string } | null} why the request is refused */
function refuse ({ method, headers }, port) {
  // The page is asked for by address; another name in Host is one that somebody has made to point here.
  if (![`127.0.0.1:${port}`, `localhost:${port}`].includes(headers.host)) return { status: 403, message: 'wrong host' }
  // All browsers of today send it. It is 'none' if a person has typed the address.
  if (!['same-origin', 'none', undefined].includes(headers['sec-fetch-site'])) return { status: 403, message: 'asked for by another site' }
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, message: 'only GET' }
  return null
}

/** What a browser is told to forbid the page: everything that does not come from here. */
const HEADERS = {
  'Content-Security-Policy': "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store'
}

module.exports = { refuse, HEADERS }

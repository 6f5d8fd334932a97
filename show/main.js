'use strict'

// npm run show: what backpressure is, and what this package changes, on a page to click on.

const serve = require('./server.js')

async function main () {
  const { url, close } = await serve()
  console.log(`Open ${url} in a browser. Ctrl+C ends the server.`)
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, async () => {
      await close()
      process.exit()
    })
  }
}

main()

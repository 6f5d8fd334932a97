'use strict'

// 'open' and 'ready' come before the first byte: what a listener does to the
// file comes in front, and does no harm to what was written to the stream before.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const { sameAsStock, closed, turns } = require('../helpers/same-as-stock.js')

/** Above and below what ours pins without a copy, and below what it may buffer in one run. */
const PARTS = ['first\n', 'second\n', 'x'.repeat(20_000), 'last\n']

const OPTIONS = {
  'no options': {},
  'flags a': { flags: 'a' },
  'flags r+': { flags: 'r+' },
  'flags w+': { flags: 'w+' },
  'a start': { start: 10 },
  'flags r+ and a start': { flags: 'r+', start: 3 },
  'a low mark': { highWaterMark: 3 }
}

/** What listeners do with the descriptor. */
const USES = {
  'looks at the size': (fd, run) => run.log('size', fs.fstatSync(fd).size),
  'cuts the file to nothing': fd => fs.ftruncateSync(fd),
  'cuts the file short': fd => fs.ftruncateSync(fd, 4),
  'makes the file longer': fd => fs.ftruncateSync(fd, 30),
  'writes a header': fd => fs.writeSync(fd, '# header\n'),
  'writes a header piece by piece': fd => { for (const piece of ['# ', 'head', 'er\n']) fs.writeSync(fd, piece) },
  'cuts the file and writes a header': fd => {
    fs.ftruncateSync(fd)
    fs.writeSync(fd, '# header\n')
  },
  'writes a header somewhere': fd => fs.writeSync(fd, '# header\n', 2),
  'gives it another mode': (fd, run) => {
    fs.fchmodSync(fd, 0o600)
    run.log(fs.fstatSync(fd).mode, fs.readFileSync(run.path, 'latin1'))
  }
}

/** What a listener may well do first. Other threads get as far meanwhile as they ever get. */
function workOn () {
  execFileSync(process.execPath, ['--version'])
}

for (const event of ['open', 'ready']) {
  for (const [options, given] of Object.entries(OPTIONS)) {
    for (const [use, act] of Object.entries(USES)) {
      sameAsStock(`'${event}' ${use}: ${options}`, async run => {
        fs.writeFileSync(run.path, '0123456789abcdefghij')
        const stream = run.create({ highWaterMark: 100_000, ...given })
        stream.on(event, () => {
          workOn()
          act(stream.fd, run)
        })
        for (const part of PARTS) stream.write(part)
        stream.end('end')
        await closed(stream)
      })
    }
  }

  sameAsStock(`a stream that is ended in '${event}', and its file cut`, async run => {
    const stream = run.create()
    stream.write('before')
    stream.on(event, () => {
      stream.end('in it')
      workOn()
      fs.ftruncateSync(stream.fd)
      fs.writeSync(stream.fd, 'header ')
    })
    await closed(stream)
  })

  sameAsStock(`what was written before a destroy() in '${event}' is not in the file`, async run => {
    const stream = run.create({ highWaterMark: 100_000 })
    for (const part of PARTS) stream.write(part, run.callback(part.slice(0, 5), stream))
    stream.on(event, () => {
      workOn()
      stream.destroy()
    })
    await closed(stream)
  })

  sameAsStock(`what is written in '${event}' comes behind what was before`, async run => {
    const stream = run.create({ highWaterMark: 10 })
    stream.write('before ', run.callback('before', stream))
    stream.on(event, () => {
      stream.write('in it ', run.callback('in it', stream))
      workOn()
      fs.writeSync(stream.fd, 'header ')
      stream.write('too ', run.callback('too', stream))
    })
    await new Promise(resolve => stream.once('drain', resolve))
    stream.end('behind', run.callback('end', stream))
    await closed(stream)
  })

  sameAsStock(`cork() in '${event}' holds back what was written before`, async run => {
    const stream = run.create()
    stream.write('before ', run.callback('before'))
    stream.write('it ', run.callback('it'))
    stream.on(event, () => stream.cork())
    await new Promise(resolve => stream.once(event, resolve))
    await turns(5)
    run.log('held', run.content())
    stream.uncork()
    stream.end('end')
    await closed(stream)
  })
}

sameAsStock('a subclass that writes its header when it emits \'open\'', async run => {
  class WithHeader extends run.WriteStream {
    emit (event, ...args) {
      if (event === 'open') {
        workOn()
        fs.writeSync(this.fd, '# header\n')
      }
      return super.emit(event, ...args)
    }
  }
  const stream = run.watch(new WithHeader(run.path))
  for (const part of PARTS) stream.write(part)
  stream.end()
  await closed(stream)
})

sameAsStock('an open of its own that writes a header', async run => {
  const custom = {
    ...fs,
    open (file, flags, mode, callback) {
      fs.open(file, flags, mode, (error, fd) => {
        if (!error) fs.writeSync(fd, '# header\n')
        callback(error, fd)
      })
    }
  }
  const stream = run.create({ fs: custom })
  for (const part of PARTS) stream.write(part)
  stream.end()
  await closed(stream)
})

sameAsStock('many streams, each with its header', async run => {
  const files = Array.from({ length: 20 }, (_, at) => `${run.path}${at}`)
  await Promise.all(files.map(file => {
    const stream = run.createWriteStream(file)
    stream.on('open', fd => {
      workOn()
      fs.writeSync(fd, '# header\n')
    })
    for (const part of PARTS) stream.write(part)
    stream.end(file.slice(run.folder.length))
    return closed(stream)
  }))
  run.log(files.map(file => fs.readFileSync(file, 'latin1')))
})

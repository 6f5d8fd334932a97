'use strict'

// _construct: who has its own opens the file itself, and nobody else does.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { finished } = require('node:stream')
const { openFiles, until } = require('../helpers/open-files.js')
const { sameAsStock, closed, turns } = require('../helpers/same-as-stock.js')

const hasOpenFiles = fs.existsSync('/proc/self/fd')

/** What a _construct may well do first. Other threads get as far meanwhile as they ever get. */
function workOn () {
  execFileSync(process.execPath, ['--version'])
}

/** All that is in the run's folder, and what of it is still open. */
function logFiles (run) {
  const files = fs.readdirSync(run.folder).sort().map(name => [name, fs.readFileSync(path.join(run.folder, name), 'latin1')])
  run.log(files, hasOpenFiles ? openFiles(run.folder) : [])
}

const MINE = () => Object.assign(new Error('mine'), { code: 'MINE' })

/** Functions in place of _construct: each opens a file of its own, or fails. */
const CONSTRUCTS = {
  'opens another file': (stream, run, callback) => {
    fs.open(`${stream.path}.own`, 'w', (error, fd) => {
      stream.fd = fd
      callback(error)
    })
  },
  'opens another file at once': (stream, run, callback) => {
    workOn()
    stream.fd = fs.openSync(`${stream.path}.own`, 'w')
    callback()
  },
  'opens another file in the next tick': (stream, run, callback) => {
    workOn()
    process.nextTick(() => {
      stream.fd = fs.openSync(`${stream.path}.own`, 'a')
      callback()
    })
  },
  'opens another file by promises': (stream, run, callback) => {
    fs.promises.mkdtemp(path.join(run.folder, 'new-')).then(folder => {
      fs.rmdirSync(folder)
      stream.fd = fs.openSync(`${stream.path}.own`, 'w')
      callback()
    })
  },
  'opens the file its own way, and tells': (stream, run, callback) => {
    workOn()
    run.log('there', fs.existsSync(run.path))
    fs.open(stream.path, 'a', (error, fd) => {
      stream.fd = fd
      callback(error)
      stream.emit('open', fd)
      stream.emit('ready')
    })
  },
  'opens the file and writes a header': (stream, run, callback) => {
    fs.open(stream.path, 'w', (error, fd) => {
      stream.fd = fd
      fs.write(fd, '# header\n', (fault) => {
        workOn()
        callback(error ?? fault)
      })
    })
  },
  fails: (stream, run, callback) => {
    workOn()
    setImmediate(callback, MINE())
  },
  'fails at once': (stream, run, callback) => {
    workOn()
    callback(MINE())
  },
  throws: () => {
    workOn()
    throw MINE()
  },
  'fails to open another file': (stream, run, callback) => {
    fs.open(path.join(run.folder, 'missing', 'file'), 'w', callback)
  },
  'fails with its file open': (stream, run, callback) => {
    stream.fd = fs.openSync(`${stream.path}.own`, 'w')
    callback(MINE())
  }
}

/** The ways to put one in place of Node's: each makes a stream. */
const WAYS = {
  'a subclass': (run, construct, options) => {
    class Own extends run.WriteStream {
      _construct (callback) {
        construct(this, run, callback)
      }
    }
    return new Own(run.path, options)
  },
  'a function that inherits': (run, construct, options) => {
    function Own (...args) {
      run.WriteStream.apply(this, args)
    }
    Object.setPrototypeOf(Own.prototype, run.WriteStream.prototype)
    Own.prototype._construct = function (callback) { construct(this, run, callback) }
    return new Own(run.path, options)
  },
  'options.construct': (run, construct, options) => {
    return run.createWriteStream(run.path, { ...options, construct (callback) { construct(this, run, callback) } })
  },
  'a property that is set in the same run': (run, construct, options) => {
    const stream = run.createWriteStream(run.path, options)
    stream._construct = function (callback) { construct(this, run, callback) }
    return stream
  }
}

for (const [way, make] of Object.entries(WAYS)) {
  for (const [name, construct] of Object.entries(CONSTRUCTS)) {
    sameAsStock(`${way} ${name}`, async run => {
      const stream = run.watch(make(run, construct, {}))
      stream.write('a', run.callback('a', stream))
      stream.write('b', run.callback('b', stream))
      stream.end('c', run.callback('end', stream))
      run.state('ended', stream)
      await closed(stream)
      logFiles(run)
    })

    sameAsStock(`${way} ${name}, of a file that exists`, async run => {
      fs.writeFileSync(run.path, 'there before')
      const stream = run.watch(make(run, construct, { flags: 'a' }))
      stream.write('a')
      finished(stream, run.callback('finished', stream))
      stream.end('b')
      await closed(stream)
      logFiles(run)
    })

    sameAsStock(`${way} ${name}, and the stream is destroyed before that`, async run => {
      const stream = run.watch(make(run, construct, {}))
      stream.write('a', run.callback('a', stream))
      stream.destroy()
      await closed(stream)
      logFiles(run)
    })

    sameAsStock(`${way} ${name}, and the stream is used on and on`, async run => {
      const stream = run.watch(make(run, construct, { highWaterMark: 4 }))
      for (let count = 0; count < 5 && !stream.destroyed; count++) {
        run.log('may go on', stream.write('12345'))
        await Promise.race([new Promise(resolve => stream.once('drain', resolve)), closed(stream)])
      }
      stream.end()
      await closed(stream)
      logFiles(run)
    })
  }

  sameAsStock(`${way} that never calls back`, async run => {
    const stream = run.watch(make(run, workOn, {}))
    stream.write('a', run.callback('a', stream))
    stream.end('b')
    await turns(10)
    run.state('waits', stream)
    logFiles(run)
  })

  sameAsStock(`${way} that calls back later, and lets nothing through before`, async run => {
    let callback
    const stream = run.watch(make(run, (stream, run, given) => { callback = given }, { highWaterMark: 4 }))
    run.call('write', () => stream.write('12345', run.callback('12345', stream)))
    await until(() => callback !== undefined)
    await turns(5)
    run.call('write', () => stream.write('67890', run.callback('67890', stream)))
    run.state('waits', stream)
    logFiles(run)
    stream.fd = fs.openSync(`${run.path}.late`, 'w')
    callback()
    stream.end()
    await closed(stream)
    logFiles(run)
  })

  sameAsStock(`${way} that calls back twice`, async run => {
    const stream = run.watch(make(run, (stream, run, callback) => {
      stream.fd = fs.openSync(`${run.path}.own`, 'w')
      callback()
      callback()
    }, {}))
    stream.on('error', () => {})
    await closed(stream)
    logFiles(run)
  })
}

sameAsStock('a subclass that makes the folder first', async run => {
  run.path = path.join(run.folder, 'new', 'deep', 'file')
  class InFolder extends run.WriteStream {
    _construct (callback) {
      workOn()
      fs.mkdir(path.dirname(this.path), { recursive: true }, error => {
        if (error) return callback(error)
        super._construct(callback)
      })
    }
  }
  const stream = run.watch(new InFolder(run.path))
  stream.write('a', run.callback('a', stream))
  stream.end('b')
  await closed(stream)
})

sameAsStock('a subclass that looks for a free name first', async run => {
  fs.writeFileSync(run.path, 'there before')
  class Free extends run.WriteStream {
    _construct (callback) {
      workOn()
      fs.access(this.path, error => {
        if (!error) this.path += '.1'
        super._construct(callback)
      })
    }
  }
  const stream = run.watch(new Free(run.path))
  stream.end('new')
  await closed(stream)
  run.log(path.basename(stream.path))
  logFiles(run)
})

sameAsStock('a subclass that keeps the old file', async run => {
  fs.writeFileSync(run.path, 'there before')
  class Rotated extends run.WriteStream {
    _construct (callback) {
      workOn()
      fs.rename(this.path, `${this.path}.1`, () => super._construct(callback))
    }
  }
  const stream = run.watch(new Rotated(run.path))
  stream.end('new')
  await closed(stream)
  logFiles(run)
})

sameAsStock('a subclass that goes on when the file is open', async run => {
  class WithHeader extends run.WriteStream {
    _construct (callback) {
      super._construct(error => {
        if (error) return callback(error)
        workOn()
        fs.write(this.fd, '# header\n', fault => callback(fault))
      })
    }
  }
  const stream = run.watch(new WithHeader(run.path))
  stream.write('a', run.callback('a', stream))
  stream.end('b')
  await closed(stream)
})

sameAsStock('a subclass that refuses when the file is open', async run => {
  class Refuses extends run.WriteStream {
    _construct (callback) {
      super._construct(() => {
        workOn()
        callback(MINE())
      })
    }
  }
  const stream = run.watch(new Refuses(run.path))
  stream.write('a', run.callback('a', stream))
  await closed(stream)
  logFiles(run)
})

sameAsStock('a subclass is given a descriptor', async run => {
  const fd = fs.openSync(run.path, 'w')
  class Own extends run.WriteStream {
    _construct (callback) {
      fs.writeSync(this.fd, '# header\n')
      callback()
    }
  }
  const stream = run.watch(new Own(null, { fd }))
  stream.write('a', run.callback('a', stream))
  stream.end('b')
  await closed(stream)
  logFiles(run)
})

sameAsStock('a descriptor of its own that stays open', async run => {
  class Own extends run.WriteStream {
    _construct (callback) {
      this.fd = fs.openSync(this.path, 'w')
      callback()
    }
  }
  const stream = run.watch(new Own(run.path, { autoClose: false }))
  await new Promise(resolve => stream.end('mine', resolve))
  fs.writeSync(stream.fd, ' and yours')
  fs.closeSync(stream.fd)
  logFiles(run)
})

sameAsStock('a descriptor of its own and where to start', async run => {
  fs.writeFileSync(run.path, '0123456789')
  class Own extends run.WriteStream {
    _construct (callback) {
      fs.open(this.path, 'r+', (error, fd) => {
        this.fd = fd
        callback(error)
      })
    }
  }
  const stream = run.watch(new Own(run.path, { start: 4 }))
  stream.write('a')
  stream.end('b')
  await closed(stream)
  logFiles(run)
})

sameAsStock('a descriptor of its own in the place of a given one', async run => {
  const given = fs.openSync(path.join(run.folder, 'given'), 'w')
  class Own extends run.WriteStream {
    _construct (callback) {
      fs.open(run.path, 'w', (error, fd) => {
        this.fd = fd
        callback(error)
      })
    }
  }
  const stream = run.watch(new Own(null, { fd: given }))
  stream.write('a')
  stream.end('b')
  await closed(stream)
  fs.closeSync(given)
  logFiles(run)
})

sameAsStock('a given descriptor that a _destroy of its own leaves open, before the stream is constructed', async run => {
  const fd = fs.openSync(run.path, 'w')
  class Own extends run.WriteStream {
    _destroy (error, callback) { callback(error) }
  }
  const stream = run.watch(new Own(null, { fd }))
  stream.destroy()
  await closed(stream)
  run.log(hasOpenFiles ? openFiles(run.folder).length : 1)
  fs.closeSync(fd)
})

'use strict'

// Writes that hang in the kernel, as those to a file server that is gone. Here
// it is an eventfd whose counter is full.

const { folderForEach } = require('../helpers/folder.js')
const { runScript } = require('../helpers/child.js')
const { testWithCompiler, compile } = require('../helpers/compile.js')

const inFolder = folderForEach()

/** `eventfd()`: the descriptor of one to which a write of 8 bytes hangs. */
const ADDON = `
  #include <stddef.h>
  #include <stdint.h>
  #include <sys/eventfd.h>
  #include <unistd.h>
  typedef struct env *Env; typedef struct value *Value; typedef struct info *Info;
  int napi_create_function(Env, const char *, size_t, Value (*)(Env, Info), void *, Value *);
  int napi_create_int32(Env, int32_t, Value *);
  static Value make(Env env, Info info) {
    Value value;
    uint64_t most = UINT64_MAX - 1;
    int fd = eventfd(0, 0);
    if (write(fd, &most, 8) != 8) fd = -1;
    napi_create_int32(env, fd, &value);
    return value;
  }
  Value napi_register_module_v1(Env env, Value exports) {
    Value function;
    napi_create_function(env, "eventfd", 7, make, NULL, &function);
    return function;
  }`

const testOnLinux = process.platform === 'linux' ? testWithCompiler : test.skip

/** Streams of which each has a write that hangs. */
const HUNG = `
  const eventfd = require(given.addon)
  const hung = Array.from({ length: 10 }, () => {
    const fd = eventfd()
    const out = createWriteStream(null, { fd, exitTimeout: 100 })
    out.write(Buffer.alloc(8, 1))
    return fd
  })
  `

const run = script => runScript('spillway', script, { values: { addon: compile(ADDON, inFolder('addon.node')) } })

testOnLinux('streams whose writes hang do not keep others from being written', async () => {
  const { code, stdout, stderr } = await run(`${HUNG}
    setImmediate(() => {
      const out = createWriteStream(file)
      for (let line = 0; line < 100_000; line++) out.write('a line of text\\n')
      out.end(() => {
        console.log(fs.statSync(file).size)
        // Each has room again when it is read.
        for (const fd of hung) fs.readSync(fd, Buffer.alloc(8))
      })
    })`)
  expect([code, stderr, stdout]).toEqual([0, '', '1500000\n'])
})

testOnLinux('the process ends though writes hang, and other streams are written', async () => {
  const { code, stdout, stderr, content } = await run(`${HUNG}
    setImmediate(() => {
      createWriteStream(file).write('text')
      process.on('warning', ({ name, message }) => fs.writeSync(1, name + ' ' + message.slice(0, 28) + '\\n'))
      process.exit()
    })`)
  expect([code, String(content)]).toEqual([0, 'text'])
  expect(stdout).toBe('SpillwayWarning 8 bytes could not be written\n'.repeat(10))
  expect(stderr).toContain('8 bytes could not be written to fd')
})

testOnLinux('a worker ends though writes hang', async () => {
  const { code, stdout, stderr, content } = await run(`
    const { Worker, isMainThread, parentPort } = require('node:worker_threads')
    if (isMainThread) {
      const worker = new Worker(__filename)
      worker.once('message', async hung => {
        await worker.terminate()
        console.log('ended')
        for (const fd of hung) fs.closeSync(fd)
      })
    } else {
      ${HUNG}
      const out = createWriteStream(file)
      out.write('text', () => {
        out.write(' and more')
        parentPort.postMessage(hung)
      })
    }`)
  expect([code, stderr, stdout, String(content)]).toEqual([0, '', 'ended\n', 'text and more'])
})

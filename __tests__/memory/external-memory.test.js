'use strict'

// Buffers over memory that an addon has allocated. Node frees it when a worker
// is terminated, before anybody hears of that.

const { folderForEach } = require('../helpers/folder.js')
const { runScript } = require('../helpers/child.js')
const { testWithCompiler, compile } = require('../helpers/compile.js')

const inFolder = folderForEach()

/** `make(size)`: a Buffer of 'a', which are 'F' once the memory is freed. */
const ADDON = `
  #include <stddef.h>
  #include <stdlib.h>
  #include <string.h>
  typedef struct env *Env; typedef struct value *Value; typedef struct info *Info;
  int napi_create_external_buffer(Env, size_t, void *, void (*)(Env, void *, void *), void *, Value *);
  int napi_create_function(Env, const char *, size_t, Value (*)(Env, Info), void *, Value *);
  int napi_get_cb_info(Env, Info, size_t *, Value *, Value *, void **);
  int napi_get_value_int64(Env, Value, long long *);
  static void release(Env env, void *memory, void *size) { memset(memory, 'F', (size_t)size); }
  static Value make(Env env, Info info) {
    size_t count = 1; Value value; long long size;
    napi_get_cb_info(env, info, &count, &value, NULL, NULL);
    napi_get_value_int64(env, value, &size);
    napi_create_external_buffer(env, size, memset(malloc(size), 'a', size), release, (void *)(size_t)size, &value);
    return value;
  }
  Value napi_register_module_v1(Env env, Value exports) {
    Value function;
    napi_create_function(env, "make", 4, make, NULL, &function);
    return function;
  }`

testWithCompiler.each([1000, 20_000, 1_000_000])('what a terminated worker has accepted of %i bytes is not read from freed memory', async size => {
  const { code, stdout, stderr } = await runScript('spillway', `
    const { spawn, execFileSync } = require('node:child_process')
    const { Worker, isMainThread, workerData } = require('node:worker_threads')
    const fifo = file + '.fifo'
    if (isMainThread) {
      execFileSync('mkfifo', [fifo])
      const reader = spawn('cat', [fifo])
      const fd = fs.openSync(fifo, 'w')
      const worker = new Worker(__filename, { workerData: fd })
      worker.once('message', () => {
        worker.terminate()
        const counts = {}
        // Only now does anybody read, so that there is something left to be written.
        reader.stdout.on('data', data => data.toString('latin1').replace(/(.)\\1*/g, ({ length }, letter) => { counts[letter] = (counts[letter] ?? 0) + length }))
        reader.stdout.on('end', () => console.log(JSON.stringify(counts)))
        worker.once('exit', () => fs.closeSync(fd))
      })
    } else {
      const make = require(given.addon)
      const out = createWriteStream(null, { fd: workerData })
      out.write('a', () => {
        for (let at = 0; at < 1_000_000; at += given.size) out.write(make(given.size))
        require('node:worker_threads').parentPort.postMessage('written')
      })
    }`, { values: { addon: compile(ADDON, inFolder('addon.node')), size } })
  expect([code, stderr, JSON.parse(stdout)]).toEqual([0, '', { a: 1_000_001 }])
})

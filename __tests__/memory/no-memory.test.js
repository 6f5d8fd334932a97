'use strict'

// A system that gives no memory for a slab: nothing is lost or mixed up.

const { folderForEach } = require('../helpers/folder.js')
const { runScript } = require('../helpers/child.js')
const { testWithCompiler, compile } = require('../helpers/compile.js')

const inFolder = folderForEach()

/** While there is a file of the name in NO_MEMORY, mappings of the size of a slab fail. */
const LIBRARY = `
  #define _GNU_SOURCE
  #include <errno.h>
  #include <stdlib.h>
  #include <sys/mman.h>
  #include <sys/syscall.h>
  #include <unistd.h>
  void *mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    const char *name = getenv("NO_MEMORY");
    if ((size == 65536 || size == 4096) && name && access(name, F_OK) == 0) { errno = ENOMEM; return MAP_FAILED; }
    return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
  }
  void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    return mmap64(at, size, protection, flags, fd, offset);
  }`

const testOnLinux = process.platform === 'linux' ? testWithCompiler : test.skip

testOnLinux('streams go on where there is no memory for a slab, and as before when there is', async () => {
  const noMemory = inFolder('no-memory')
  const { code, stdout, stderr } = await runScript('spillway', `
    const outs = [0, 1].map(number => createWriteStream(file + number))
    const expected = ['', '']
    const write = (at, text, encoding) => {
      expected[at] += text
      outs[at].write(Math.random() < 0.5 ? text : Buffer.from(text, encoding), encoding)
    }
    const some = count => {
      for (let line = 0; line < count; line++) {
        write(line % 2, 'line ' + line + ' ' + 'x'.repeat(line % 977) + '\\n')
        if (line % 100 === 0) write(line % 2, 'ä€😀'.repeat(line), 'utf8')
      }
    }
    some(2000)
    fs.writeFileSync(given.noMemory, '')
    some(2000)
    outs[0].write('', () => {
      some(2000)
      fs.rmSync(given.noMemory)
      some(2000)
      Promise.all(outs.map(out => new Promise(resolve => out.end(resolve)))).then(() => {
        console.log(outs.map((_, at) => fs.readFileSync(file + at, 'utf8') === expected[at]).join())
      })
    })`, {
    values: { noMemory },
    // Behind what is loaded already, as by scripts/sanitize.sh.
    prefix: ['env', `LD_PRELOAD=${[process.env.LD_PRELOAD, compile(LIBRARY, inFolder('library.so'))].filter(Boolean).join(':')}`, `NO_MEMORY=${noMemory}`]
  })
  expect([code, stderr, stdout]).toEqual([0, '', 'true,true\n'])
})

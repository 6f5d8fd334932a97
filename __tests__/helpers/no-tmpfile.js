'use strict'

// A system whose files all have names, as NFS: whoever asks for O_TMPFILE is told that there is no such thing.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { compile, hasCompiler } = require('./compile.js')

/** Puts a filter between the process and the kernel: https://docs.kernel.org/userspace-api/seccomp_filter.html */
const SOURCE = `
  #define _GNU_SOURCE
  #include <errno.h>
  #include <fcntl.h>
  #include <linux/filter.h>
  #include <linux/seccomp.h>
  #include <stddef.h>
  #include <sys/prctl.h>
  #include <sys/syscall.h>

  __attribute__((constructor)) static void refuse(void) {
    struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_TMPFILE & ~O_DIRECTORY, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
  }`

/** @returns {{ prefix: string[], remove: () => void } | null} a command that runs others on such a system; null: there is none here */
function withoutTmpfile () {
  if (process.platform !== 'linux' || !hasCompiler) return null
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-'))
  const library = compile(SOURCE, path.join(folder, 'no-tmpfile.so'))
  return { prefix: ['env', `LD_PRELOAD=${library}`], remove: () => fs.rmSync(folder, { recursive: true }) }
}

module.exports = { withoutTmpfile }

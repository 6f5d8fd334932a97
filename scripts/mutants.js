'use strict'

// Shows that the loom models find wrong orders: makes one small mistake at a time in a
// copy of the sources, and expects tests/handshake to fail.
//
//   npm run test:mutants             all
//   npm run test:mutants -- linger   those in whose text that occurs
//
// A mistake that hangs a model is found, too. One that does not compile, or whose
// place is not there any more, is a mistake of this file.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const ROOT = path.join(__dirname, '..')
const COPIED = ['src', 'tests', 'benches', 'build.rs', 'Cargo.toml', 'Cargo.lock']

/** Time for the tests of one mutant, in milliseconds. */
const TIMEOUT = 120_000

const CONTROL_BLOCK = 'src/control_block.rs'
const JOB = 'src/stream/job.rs'
const LEASE = 'src/stream/lease.rs'
const POOL = 'src/pool.rs'
const QUEUE = 'src/queue.rs'
const STATE = 'src/stream/state.rs'
const STREAM = 'src/stream/mod.rs'
const WAIT = 'src/stream/wait.rs'
const WRITER = 'src/writer.rs'

/** Mistakes: `from` is there once, and `test` is a part of the names of the tests that are to find it. */
const MUTANTS = [
  // sleep
  {
    file: CONTROL_BLOCK,
    from: 'let swapped = self.filled.compare_exchange(filled as u32, asleep, SeqCst, SeqCst);\n        swapped.is_ok() || swapped == Err(asleep)',
    to: 'self.filled.store(asleep, SeqCst);\n        true',
    why: 'a job falls asleep whatever is filled by then',
    test: 'falls_asleep'
  },
  {
    file: CONTROL_BLOCK,
    from: 'self.filled.swap(filled, SeqCst) & ASLEEP != 0',
    to: 'let is_asleep = self.is_asleep();\n        self.filled.store(filled, SeqCst);\n        is_asleep',
    why: 'JavaScript looks for a job before it stores what it has filled',
    test: 'falls_asleep'
  },
  {
    file: CONTROL_BLOCK,
    from: 'self.filled.fetch_and(ASLEEP, SeqCst);',
    to: 'self.filled.store(0, SeqCst);',
    why: 'a new slab forgets that there is no job',
    test: 'next_slab'
  },
  {
    file: JOB,
    from: 'let mut state = self.state.lock();\n        let filled = self.control.filled();\n        if state.has_work(filled) ||',
    to: 'let filled = self.control.filled();\n        let has_work = self.state.lock().has_work(filled);\n        let mut state = self.state.lock();\n        if has_work ||',
    why: 'a job looks for work, and ends in another turn of the lock',
    test: 'has_a_job'
  },
  {
    file: JOB,
    from: 'state.has_job = false;\n        true',
    to: 'drop(state);\n        self.state.lock().has_job = false;\n        true',
    why: 'a job says that it has ended after it fell asleep',
    test: 'has_a_job'
  },
  {
    file: JOB,
    from: 'std::mem::replace(&mut state.has_job, true)',
    to: 'std::mem::replace(&mut state.has_job, false)',
    why: 'there is a job, and another is scheduled',
    test: 'though_a_job_ends'
  },
  {
    file: STREAM,
    from: 'self.control.reset_filled();',
    to: 'drop(state);\n        self.control.reset_filled();',
    why: 'a job may take a new slab for filled as far as the last one',
    test: 'next_slab'
  },
  {
    file: WRITER,
    from: 'if end(stream) {',
    to: 'if end(stream) || true {',
    why: 'a job goes though it could not end',
    test: 'has_a_job'
  },
  {
    file: WRITER,
    from: 'drop(batch);\n    match result {\n        Ok(0) => fail(lease, Failure::wrote_nothing()),\n        Ok(count) => took(lease, count as u64),',
    to: 'match result {\n        Ok(0) => fail(lease, Failure::wrote_nothing()),\n        Ok(count) => {\n            let step = took(lease, count as u64);\n            drop(batch);\n            step\n        }',
    why: 'a job holds bytes that JavaScript sees as taken',
    test: 'filled_anew'
  },
  {
    file: QUEUE,
    from: 'live.slab.range(live.start, filled)',
    to: 'live.slab.range(live.start, filled + 1)',
    why: 'a job reads what is not filled yet',
    test: 'has_a_job'
  },
  // park
  {
    file: JOB,
    from: 'self.control.set_parked(true);\n        // JavaScript stores that it waits before it looks whom to unpark.\n        if !self.control.is_eager() && state.waiters == 0 && !state.is_last() {',
    to: 'let is_eager = self.control.is_eager();\n        self.control.set_parked(true);\n        if !is_eager && state.waiters == 0 && !state.is_last() {',
    why: 'a job that parks looks for waiters before it says so',
    test: 'unparks'
  },
  {
    file: JOB,
    from: '!self.control.is_eager() && state.waiters == 0 && ',
    to: '!self.control.is_eager() && ',
    why: 'a job parks though a thread waits for progress',
    test: 'unparks'
  },
  {
    file: JOB,
    from: ' && !state.is_last() {\n            sync::wait_for',
    to: ' {\n            sync::wait_for',
    why: 'a job parks though the stream is to end',
    test: 'unparks'
  },
  {
    file: JOB,
    from: 'let _about_to_park = self.state.lock();',
    to: '',
    why: 'a notice comes between the look of a job and its wait',
    test: 'unparks'
  },
  {
    file: WAIT,
    from: 'state.waiters += 1;\n        drop(state);\n        self.changed.notify_all();',
    to: 'state.waiters += 1;',
    why: 'who waits for progress leaves the job parked',
    test: 'unparks'
  },
  {
    file: STREAM,
    from: 'self.cancelled.notify_waiters();\n        self.changed.notify_all();',
    to: 'self.cancelled.notify_waiters();',
    why: 'a cancel leaves the job parked',
    test: 'unparks'
  },
  // wake
  {
    file: CONTROL_BLOCK,
    from: 'self.settled.store(settled as u32, SeqCst);\n        self.wake.load(SeqCst) != Wake::None as u32\n',
    to: 'let is_wanted = self.wake.load(SeqCst) != Wake::None as u32;\n        self.settled.store(settled as u32, SeqCst);\n        is_wanted\n',
    why: 'a job looks who waits before it publishes',
    test: 'offset'
  },
  {
    file: CONTROL_BLOCK,
    from: 'self.wake_at.store(offset, SeqCst);\n        self.wake.store(Wake::Eager as u32, SeqCst);\n        has_reached(self.settled(), offset)',
    to: 'let is_reached = has_reached(self.settled(), offset);\n        self.wake_at.store(offset, SeqCst);\n        self.wake.store(Wake::Eager as u32, SeqCst);\n        is_reached',
    why: 'JavaScript looks how far the job is before it says that it waits',
    test: 'offset'
  },
  {
    file: CONTROL_BLOCK,
    from: 'self.wake_at.store(offset, SeqCst);\n        self.wake.store(Wake::Eager as u32, SeqCst);',
    to: 'self.wake.store(Wake::Eager as u32, SeqCst);\n        self.wake_at.store(offset, SeqCst);',
    why: 'JavaScript says that it waits before it says for what',
    test: 'offset'
  },
  {
    file: CONTROL_BLOCK,
    from: 'self.wake.swap(Wake::None as u32, SeqCst) != Wake::None as u32\n',
    to: 'let is_wanted = self.wake.load(SeqCst) != Wake::None as u32;\n        self.wake.store(Wake::None as u32, SeqCst);\n        is_wanted\n',
    why: 'two see that JavaScript waits, and both tell it',
    test: 'offset'
  },
  // leases
  {
    file: LEASE,
    from: 'let last = self.stream.state.lock().put_back(target);',
    to: 'let is_over = self.stream.is_over();\n        let last = self.stream.state.lock().put_back(target).filter(|_| is_over);',
    why: 'who puts the target back looks before that for the end of the stream',
    test: 'cancel'
  },
  {
    file: LEASE,
    from: 'drop(last);\n        self.stream.changed.notify_all();',
    to: 'drop(last);',
    why: 'who puts the target back tells nobody',
    test: 'flush'
  },
  {
    file: LEASE,
    from: 'state.take(count);\n        if is_settled {\n            state.settle_taken();\n        }',
    to: 'state.taken += count;\n        if is_settled {\n            state.settle_taken();\n        }\n        drop(state);\n        let mut state = self.stream.state.lock();\n        state.queue.advance(count);',
    why: 'bytes count as settled in one turn of the lock, and are let go in another',
    test: 'cancel'
  },
  {
    file: LEASE,
    from: 'if !self.is_answered {',
    to: 'if false {',
    why: 'a lease that comes to no answer is forgotten',
    test: 'flush'
  },
  {
    file: STREAM,
    from: 'if !matches!(state.phase, Phase::Unopened(_) | Phase::Idle(_)) {\n            return;\n        }',
    to: '',
    why: 'a stream is given up while somebody writes',
    test: 'gives_up'
  },
  {
    file: STREAM,
    from: 'let phase = std::mem::replace(&mut state.phase, Phase::Leased { is_writing: false });\n        drop(state);',
    to: 'drop(state);\n        let phase = std::mem::replace(&mut self.state.lock().phase, Phase::Leased { is_writing: false });',
    why: 'who gives up a stream looks for a lease, and takes the target in another turn of the lock',
    test: 'gives_up'
  },
  {
    file: STREAM,
    from: 'self.control.set_status(Status::Failed);\n        drop(state);\n        self.changed.notify_all();',
    to: 'self.control.set_status(Status::Failed);\n        drop(state);',
    why: 'who waits does not hear of a failure',
    test: 'flush'
  },
  {
    file: STATE,
    from: 'self.queue.truncate(keep, filled);',
    to: '',
    why: 'a cancelled stream writes what lies behind its end',
    test: 'cancel'
  },
  {
    file: STATE,
    from: 'Phase::Idle(_) if self.is_last() => true,\n',
    to: '',
    why: 'a job ends though the stream is to end',
    test: 'lets_go_of_its_target'
  },
  {
    file: STATE,
    from: 'if self.is_abandoned() {\n            self.queue.clear();\n        }',
    to: '',
    why: 'a cancelled stream waits for room',
    test: 'no_room'
  },
  {
    file: LEASE,
    from: 'is_awaited || resumes',
    to: 'is_awaited',
    why: 'JavaScript does not hear that a stall is over',
    test: 'stall'
  },
  {
    file: LEASE,
    from: 'let is_settled = !self.has_unsettled();',
    to: 'let is_settled = true;',
    why: 'what the target has taken counts as down',
    test: 'brought_down'
  },
  {
    file: WRITER,
    from: 'if let Some(mut lease) = stream.lease_for_rest() {',
    to: 'if false && let Some(mut lease) = stream.lease_for_rest() {',
    why: 'a job ends and leaves the target as it is',
    test: 'rests'
  },
  // the pool
  {
    file: POOL,
    from: 'self.change(|jobs| jobs.new.push_back(job));\n        !self.is_searching()',
    to: 'let is_searching = self.is_searching();\n        self.change(|jobs| jobs.new.push_back(job));\n        !is_searching',
    why: 'who pushes a job looks for a searching thread before that',
    test: 'no_job'
  },
  {
    file: POOL,
    from: 'self.is_searching.swap(false, SeqCst);\n        self.count()',
    to: 'let count = self.count();\n        self.is_searching.swap(false, SeqCst);\n        count',
    why: 'a thread looks for jobs before it says that it searches no more',
    test: 'no_job'
  },
  {
    file: POOL,
    from: 'let ends = self.count() == 0;',
    to: 'let ends = true;',
    why: 'a thread ends without another look',
    test: 'no_job'
  },
  {
    file: POOL,
    from: 'let mut threads = self.threads.lock();\n        // A thread that pushes a job counts it first, and then asks for a thread.\n        let ends = self.count() == 0;',
    to: 'let ends = self.count() == 0;\n        let mut threads = self.threads.lock();',
    why: 'a thread looks for jobs before it has the lock under which it ends',
    test: 'no_job'
  }
]

/** Has cargo build the models of the copy in `folder`. @returns {string | undefined} the program, if they compile */
function build (folder) {
  const { status, stdout, stderr } = spawnSync(
    'cargo', ['test', '--features', 'loom', '--release', '--test', 'handshake', '--no-run', '--message-format=json'], {
      cwd: folder,
      encoding: 'utf8',
      env: {
        ...process.env,
        // Not the project's own: cargo gives libspillway one name there, whatever the folder of its sources.
        CARGO_TARGET_DIR: path.join(process.env.CARGO_TARGET_DIR ?? path.join(ROOT, 'target'), 'mutants'),
        // They are to be built quickly, again and again.
        CARGO_PROFILE_RELEASE_LTO: 'off',
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16'
      },
      maxBuffer: 1 << 28
    })
  if (status !== 0) {
    console.error(stderr)
    return undefined
  }
  const messages = stdout.split('\n').filter(Boolean).map(line => JSON.parse(line))
  return messages.find(({ target, executable }) => executable && target.name === 'handshake').executable
}

/** Runs those tests that have `test` in their names. @returns {string | undefined} how they failed, if they did */
function run (program, test) {
  const { status, error, stdout, stderr } = spawnSync(program, [test], {
    encoding: 'utf8',
    env: { ...process.env, RUST_BACKTRACE: '0' },
    killSignal: 'SIGKILL',
    maxBuffer: 1 << 28,
    timeout: TIMEOUT
  })
  if (error?.code === 'ETIMEDOUT') return 'a hang'
  if (status === 0) {
    if (/ 0 passed/.test(stdout)) throw new Error(`no test is called ${test}`)
    return undefined
  }
  return /panicked at .*\n(.*)/.exec(stdout + stderr)?.[1] ?? 'an abort'
}

/** @returns {boolean} whether the models find this mistake in the copy in `folder` */
function isFound ({ file, from, to, why, test }, folder) {
  const copy = path.join(folder, file)
  const source = fs.readFileSync(copy, 'utf8')
  const mutant = source.split(from)
  if (mutant.length !== 2) {
    console.log(`NOT THERE  ${file}: ${why}`)
    return false
  }
  fs.writeFileSync(copy, mutant.join(to))
  try {
    const program = build(folder)
    const failure = program && run(program, test)
    const outcome = !program ? 'NO PROGRAM' : failure ? 'found     ' : 'NOT FOUND '
    console.log(`${outcome} ${file}: ${why}${failure ? ` (${failure})` : ''}`)
    return failure !== undefined
  } finally {
    fs.writeFileSync(copy, source)
  }
}

function main ([part = '']) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spillway-mutants-'))
  try {
    for (const name of COPIED) fs.cpSync(path.join(ROOT, name), path.join(folder, name), { recursive: true })
    const program = build(folder)
    const failure = program ? run(program, '') : 'they do not compile'
    if (failure) throw new Error(`the models fail as they are: ${failure}`)
    const mutants = MUTANTS.filter(mutant => JSON.stringify(mutant).includes(part))
    const missed = mutants.filter(mutant => !isFound(mutant, folder))
    console.log(`${mutants.length - missed.length} of ${mutants.length} found`)
    process.exitCode = missed.length === 0 ? 0 : 1
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

main(process.argv.slice(2))

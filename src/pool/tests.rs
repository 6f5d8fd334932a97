use super::*;

/// A pool that has all its threads, and a job that waits for one.
fn busy() -> Pool<u32> {
    let pool = Pool::default();
    for _ in 0..THREADS {
        assert!(pool.admit_thread());
        pool.start_thread();
    }
    assert!(pool.push(1));
    assert!(!pool.admit_thread());
    pool
}

#[test]
fn there_is_one_thread_more_for_each_time_that_all_hang() {
    let pool = busy();
    for _ in 0..2 {
        assert!(pool.widen());
        assert!(pool.admit_thread() && !pool.admit_thread());
        pool.start_thread();
    }
}

#[test]
fn there_are_no_more_threads_while_the_system_does_not_give_those_that_there_may_be() {
    let pool = busy();
    assert!(pool.widen() && pool.admit_thread());
    assert!(pool.is_starting() && !pool.widen());
    pool.start_thread();
    assert!(!pool.is_starting() && pool.widen());
}

#[test]
fn one_thread_alone_is_not_watched() {
    let pool = Pool::<u32>::default();
    assert!(pool.admit_thread() && !pool.begin_watch());
    assert!(pool.admit_thread() && pool.begin_watch());
}

#[test]
fn threads_that_come_back_go_when_others_have_taken_their_place() {
    let pool = busy();
    let before = pool.widened();
    assert!(pool.widen() && pool.admit_thread());
    assert!(!pool.dismiss_thread(pool.widened()), "the new one stays");
    assert!(pool.dismiss_thread(before));
    assert!(!pool.dismiss_thread(before), "there are no more than usual");
    assert!(!pool.admit_thread());
}

#[test]
fn a_thread_ends_when_there_is_no_job() {
    let pool = busy();
    assert!(!pool.end_thread());
    assert_eq!(pool.pop(), Some(1));
    assert!(pool.end_thread());
    assert!(pool.admit_thread());
}

#[test]
fn jobs_that_gave_way_and_those_that_did_not_take_turns() {
    let pool = Pool::default();
    for job in ["copy 1", "copy 2", "copy 3"] {
        assert!(pool.push_back(job));
    }
    assert_eq!(pool.pop(), Some("copy 1"));
    for job in ["line 1", "line 2"] {
        assert!(pool.push(job));
    }
    let rest: Vec<_> = std::iter::from_fn(|| pool.pop()).collect();
    assert_eq!(rest, ["line 1", "copy 2", "line 2", "copy 3"]);
    assert_eq!(pool.count(), 0);
}

#[test]
fn one_watches_while_jobs_wait() {
    let pool = busy();
    assert!(pool.begin_watch());
    assert!(!pool.begin_watch() && !pool.end_watch_if_idle());
    assert_eq!(pool.pop(), Some(1));
    assert!(pool.end_watch_if_idle());
    assert!(pool.begin_watch());
}

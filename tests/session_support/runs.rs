//! Runs many schedules on all cores.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, panic};

use super::ledger::Counts;

/// What a schedule came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The promise that was broken, and when, in virtual microseconds.
    pub(crate) violation: Option<String>,
    pub(crate) counts: Counts,
}

/// Runs the schedules of the first seeds, up to the first failure.
pub(crate) fn schedules(
    count: u64,
    run: impl Fn(u64) -> Outcome + Sync + panic::RefUnwindSafe,
) -> (Option<(u64, String)>, Counts) {
    let (next, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let result = Mutex::new((None, Counts::default()));
    let started = Instant::now();
    let work = |speaks: bool| {
        let mut counts = Counts::default();
        let mut failure = None;
        let mut told = started;
        while !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= count {
                break;
            }
            let outcome = panic::catch_unwind(|| run(seed)).unwrap_or_else(|_| Outcome {
                violation: Some("a panic, see above".into()),
                counts: Counts::default(),
            });
            counts.add(&outcome.counts);
            if let Some(violation) = outcome.violation {
                failed.store(true, Ordering::Relaxed);
                failure = Some((seed, violation));
            }
            if speaks && told.elapsed() > Duration::from_secs(5) {
                told = Instant::now();
                eprintln!("{seed} of {count} schedules in {} s", started.elapsed().as_secs());
            }
        }
        let mut result = result.lock().expect("nobody panics with it");
        result.1.add(&counts);
        // The lowest seed, where several fail at the same time.
        if let Some(failure) = failure
            && result.0.as_ref().is_none_or(|(seed, _)| failure.0 < *seed)
        {
            result.0 = Some(failure);
        }
    };
    thread::scope(|scope| {
        let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for worker in 0..workers {
            let work = &work;
            scope.spawn(move || work(worker == 0));
        }
    });
    result.into_inner().expect("nobody panics with it")
}

/// A number of the environment.
pub(crate) fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().expect("a number"))
}

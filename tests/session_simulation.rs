//! Both halves of durable sessions in a world where everything goes wrong: connections cut at any byte or silent, late
//! frames of old connections, timers that come late, processes that die, a store that is shared or lost, ends from both
//! sides, readers that stall.
//!
//! Each schedule has a seed of its own, which a failure prints: `TAUTLINE_SEED=… cargo test --test session_simulation`
//! runs that one and says what happens. `TAUTLINE_SCHEDULES=5000000` runs more than the usual number, with progress.
#![cfg(not(target_arch = "wasm32"))]

mod session_support {
    mod client;
    mod face;
    mod ledger;
    mod message;
    mod network;
    mod node;
    #[path = "../support/random.rs"]
    mod random;
    pub(crate) mod schedule;
    pub(crate) mod setup;
    mod store;
    mod world;
}

use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use session_support::schedule::run;
use session_support::setup::Sabotage;

const SCHEDULES: u64 = 100_000;

#[test]
fn every_schedule_keeps_every_promise() {
    if let Some(seed) = number("TAUTLINE_SEED") {
        let outcome = run(seed, None, true);
        assert_eq!(outcome.violation, None);
        return;
    }
    let count = number("TAUTLINE_SCHEDULES").unwrap_or(SCHEDULES);
    let next = AtomicU64::new(0);
    let started = Instant::now();
    let workers = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= count {
                        break;
                    }
                    let outcome = run(seed, None, false);
                    if let Some(violation) = outcome.violation {
                        panic!("{violation}; run it again with TAUTLINE_SEED={seed}");
                    }
                }
            });
        }
    });
    eprintln!("{count} in {:?}", started.elapsed());
}

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().expect("a number"))
}

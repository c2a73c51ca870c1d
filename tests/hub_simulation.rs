//! Several clients and one hub in a world where everything goes wrong: connections cut at any byte or silent, late frames of
//! old connections, several connections of one client, sockets that take nothing, timers that come late, clients and servers
//! that die, bounds that are reached, ends from both sides, and thieves of tokens. The clients and the network are those of
//! `session_simulation.rs`, and so are the promises: each message once and in order, and none in another's session.
//!
//! Each schedule has a seed of its own, which a failure prints: `TAUTLINE_SEED=… cargo test --test hub_simulation` runs that
//! one and says what happens. `TAUTLINE_SCHEDULES=1000000` runs more than the usual number, with progress.
#![cfg(all(feature = "hub", not(target_arch = "wasm32")))]

#[allow(
    dead_code,
    reason = "what it has of the sessions' simulation it does not use in full"
)]
mod hub_support {
    #[path = "../session_support/client.rs"]
    mod client;
    #[path = "../session_support/clock.rs"]
    mod clock;
    mod driver;
    #[path = "../session_support/face.rs"]
    mod face;
    #[path = "../session_support/ledger.rs"]
    pub(crate) mod ledger;
    #[path = "../session_support/message.rs"]
    mod message;
    #[path = "../session_support/network.rs"]
    mod network;
    #[path = "../support/random.rs"]
    mod random;
    #[path = "../session_support/runs.rs"]
    pub(crate) mod runs;
    pub(crate) mod schedule;
    mod server;
    #[path = "../session_support/setup.rs"]
    mod setup;
    mod token;
    #[path = "../session_support/wires.rs"]
    mod wires;
    mod world;
}

use hub_support::ledger::Counts;
use hub_support::runs::{number, schedules};
use hub_support::schedule::run;

const SCHEDULES: u64 = 20_000;

#[test]
fn every_schedule_keeps_every_promise() {
    if let Some(seed) = number("TAUTLINE_SEED") {
        assert_eq!(run(seed, true).violation, None);
        return;
    }
    let count = number("TAUTLINE_SCHEDULES").unwrap_or(SCHEDULES);
    let (failure, counts) = schedules(count, |seed| run(seed, false));
    println!("{count} schedules: {counts:#?}");
    if let Some((seed, violation)) = failure {
        panic!("{violation}; run it again with TAUTLINE_SEED={seed}");
    }
    if count >= SCHEDULES {
        check_that_they_get_anywhere(count, &counts);
    }
}

/// Nothing of this means much if nothing happens in the schedules.
fn check_that_they_get_anywhere(count: u64, counts: &Counts) {
    assert!(
        counts.taken_up > 10 * count && counts.taken_down > 10 * count,
        "messages arrive"
    );
    assert!(counts.greeted > count, "sessions begin");
    for (what, times) in [
        ("a session goes on", counts.resumed),
        ("a session is lost", counts.lost),
        ("with messages of unknown outcome", counts.unknown),
        ("a session ends", counts.ended),
        ("a connection is superseded, or a HELLO comes late", counts.late),
        ("a session has to go", counts.expired),
        ("there is no place for a session", counts.refused),
        ("a client dies", counts.died),
    ] {
        assert!(times > count / 20, "{what}: {times} times");
    }
}

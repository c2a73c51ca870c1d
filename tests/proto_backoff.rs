//! How long it waits: full jitter, doubling, the cap, what resets it, and what the server asks for.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use std::time::Duration;

use support::{Rig, config, ms, secs};
use tautline::proto::{Failure, Signal, State};

const SEEDS: u64 = 4000;

/// The delays that `SEEDS` clients choose after the same past, in seconds.
fn delays(past: impl Fn(u64) -> Rig) -> Vec<f64> {
    let mut delays: Vec<f64> = (0..SEEDS)
        .map(|seed| {
            let rig = past(seed);
            assert_eq!(rig.state(), State::Waiting);
            rig.retry_in().expect("a time").as_secs_f64()
        })
        .collect();
    delays.sort_by(f64::total_cmp);
    delays
}

/// Uniform between the two: each tenth of the range gets about a tenth of the clients.
fn assert_uniform(delays: &[f64], low: f64, high: f64) {
    assert!(delays[0] >= low, "{} < {low}", delays[0]);
    assert!(
        delays[delays.len() - 1] <= high,
        "{} > {high}",
        delays[delays.len() - 1]
    );
    for tenth in 0..10 {
        let from = low + (high - low) * f64::from(tenth) / 10.0;
        let to = low + (high - low) * f64::from(tenth + 1) / 10.0;
        let share = delays.iter().filter(|&&delay| from <= delay && delay < to).count() as f64 / delays.len() as f64;
        assert!(
            (0.08..0.12).contains(&share),
            "{share} of them between {from} s and {to} s"
        );
    }
}

/// A client after this many failed attempts in a row.
fn failed(times: u32, seed: u64) -> Rig {
    let mut rig = Rig::waiting(config(), seed);
    for _ in 1..times {
        rig.passes_until_attempt();
        rig.refuses();
    }
    rig
}

#[test]
fn each_delay_is_uniform_from_nothing_to_a_ceiling_that_doubles_up_to_the_cap() {
    for (failures, ceiling) in [
        (1, 1.0),
        (2, 2.0),
        (3, 4.0),
        (4, 8.0),
        (5, 16.0),
        (6, 30.0),
        (7, 30.0),
        (12, 30.0),
    ] {
        assert_uniform(&delays(|seed| failed(failures, seed)), 0.0, ceiling);
    }
}

#[test]
fn the_factor_is_the_policys() {
    for (factor, ceiling) in [(1.0, 1.0), (1.5, 2.25), (3.0, 9.0)] {
        let delays = delays(|seed| {
            let mut config = config();
            config.reconnect.as_mut().expect("set").factor = factor;
            let mut rig = Rig::waiting(config, seed);
            for _ in 1..3 {
                rig.passes_until_attempt();
                rig.refuses();
            }
            rig
        });
        assert_uniform(&delays, 0.0, ceiling);
    }
}

#[test]
fn the_same_seed_chooses_the_same_delays_and_another_seed_others() {
    let delays = |seed| -> Vec<Option<Duration>> { (1..8).map(|times| failed(times, seed).retry_in()).collect() };
    assert_eq!(delays(7), delays(7));
    assert_ne!(delays(7), delays(8));
}

/// A client after five failures and then a connection that lasted so long.
fn after_a_connection_of(span: Duration, seed: u64) -> Rig {
    let mut rig = failed(5, seed);
    rig.passes_until_attempt();
    rig.opens();
    rig.passes(span);
    rig.ends(1006);
    rig
}

#[test]
fn opening_alone_resets_nothing() {
    assert_uniform(&delays(|seed| after_a_connection_of(Duration::ZERO, seed)), 0.0, 30.0);
    assert_uniform(&delays(|seed| after_a_connection_of(ms(4_999), seed)), 0.0, 30.0);
}

#[test]
fn a_stable_connection_resets_it() {
    assert_uniform(&delays(|seed| after_a_connection_of(secs(5), seed)), 0.0, 1.0);
    assert_uniform(&delays(|seed| after_a_connection_of(secs(500), seed)), 0.0, 1.0);
}

#[test]
fn a_stable_connection_resets_it_even_if_no_timer_fired_meanwhile() {
    let delays = delays(|seed| {
        let mut rig = failed(5, seed);
        rig.passes_until_attempt();
        rig.opens();
        rig.now = rig.now + secs(6);
        rig.ends(1006);
        rig
    });
    assert_uniform(&delays, 0.0, 1.0);
}

#[test]
fn the_clock_of_a_stable_connection_stops_with_it() {
    let delays = delays(|seed| {
        let mut rig = failed(5, seed);
        rig.passes_until_attempt();
        rig.opens();
        rig.passes(secs(4));
        rig.ends(1006);
        // Longer than five seconds since it opened, but not open.
        rig.page(Signal::Offline);
        rig.passes(secs(10));
        rig.page(Signal::Online);
        rig.passes_until_attempt();
        rig.refuses();
        rig
    });
    assert_uniform(&delays, 0.0, 30.0);
}

/// A client whose connection the server ended with this code.
fn ended(code: u16, seed: u64) -> Rig {
    let mut rig = Rig::open(config(), seed);
    rig.ends(code);
    rig
}

#[test]
fn usual_ends_have_the_usual_delay() {
    for code in [1000, 1001, 1005, 1006, 1008, 1011, 1014, 3001, 4000, 4999] {
        assert_uniform(&delays(|seed| ended(code, seed)), 0.0, 1.0);
    }
}

#[test]
fn after_1012_it_waits_from_a_sixth_of_the_cap_to_the_cap() {
    assert_uniform(&delays(|seed| ended(1012, seed)), 5.0, 30.0);
}

#[test]
fn after_1013_and_4429_it_waits_from_half_the_cap_to_the_cap() {
    assert_uniform(&delays(|seed| ended(1013, seed)), 15.0, 30.0);
    assert_uniform(&delays(|seed| ended(4429, seed)), 15.0, 30.0);
}

#[test]
fn nothing_shortens_what_the_server_asked_for() {
    for code in [1012, 1013, 4429] {
        for seed in 0..50 {
            let mut rig = ended(code, seed);
            let due = rig.now + rig.retry_in().expect("a time");
            for signal in [
                Signal::Visible,
                Signal::Woke,
                Signal::Online,
                Signal::Offline,
                Signal::Online,
            ] {
                rig.passes(ms(100));
                rig.page(signal);
            }
            rig.page(Signal::Left);
            rig.page(Signal::Returned);
            rig.passes_until_attempt();
            assert!(rig.now >= due, "{code}: {:?} before {due:?}", rig.now);
            assert!(rig.now <= due + secs(2));
        }
    }
}

#[test]
fn a_hold_ends_with_the_attempt_it_held_back() {
    let mut rig = ended(1013, 1);
    rig.passes_until_attempt();
    rig.refuses();
    rig.page(Signal::Visible);
    assert!(rig.retry_in() <= Some(ms(100)));
}

#[test]
fn what_it_tells_is_when_it_comes() {
    for seed in 0..200 {
        let mut rig = failed(4, seed);
        assert_eq!(rig.cause(), Some(Failure::Refused));
        let due = rig.now + rig.retry_in().expect("a time");
        rig.passes_until_attempt();
        assert_eq!(rig.now, due);
    }
}

//! The heartbeat: asked after silence, dead without an answer, and no timer that fires late is evidence of anything.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use support::{Rig, close, config, ms, secs};
use tautline::proto::{Config, Event, Failure, Heartbeat, Output, Signal, State};

fn beating() -> Config {
    let mut config = config();
    config.heartbeat = Some(Heartbeat {
        interval: secs(30),
        timeout: secs(10),
    });
    config
}

fn asked(rig: &Rig) -> u32 {
    rig.socket.as_ref().expect("a socket").heartbeats
}

#[test]
fn it_asks_after_the_interval_of_silence() {
    let mut rig = Rig::open(beating(), 1);
    rig.passes(ms(29_999));
    assert_eq!(asked(&rig), 0);
    rig.passes(ms(1));
    assert_eq!(asked(&rig), 1);
}

#[test]
fn whatever_arrives_is_a_sign_of_life() {
    let mut rig = Rig::open(beating(), 1);
    for _ in 0..20 {
        rig.passes(secs(29));
        rig.arrives(1);
    }
    assert_eq!(asked(&rig), 0);
    rig.passes(ms(29_999));
    assert_eq!(asked(&rig), 0);
    rig.passes(ms(1));
    assert_eq!(asked(&rig), 1);
}

#[test]
fn what_is_sent_is_no_sign_of_life() {
    let mut rig = Rig::open(beating(), 1);
    for _ in 0..30 {
        rig.passes(secs(1));
        rig.send(1);
    }
    assert_eq!(asked(&rig), 1);
}

#[test]
fn an_answer_keeps_it_alive_for_ever() {
    let mut rig = Rig::open(beating(), 1);
    for beats in 1..100 {
        rig.passes(secs(30));
        assert_eq!(asked(&rig), beats);
        rig.arrives(1);
    }
    assert_eq!(rig.state(), State::Open);
}

#[test]
fn a_timeout_longer_than_the_interval_does_not_slow_it_down() {
    let mut config = config();
    config.heartbeat = Some(Heartbeat {
        interval: secs(5),
        timeout: secs(60),
    });
    let mut rig = Rig::open(config, 1);
    for beats in 1..100 {
        rig.passes(ms(5_000));
        assert_eq!(asked(&rig), beats);
        rig.arrives(1);
    }
}

#[test]
fn without_an_answer_it_is_dead_after_the_timeout() {
    let mut rig = Rig::open(beating(), 1);
    let generation = rig.machine.generation();
    rig.passes(ms(39_999));
    assert_eq!(rig.state(), State::Open);
    rig.forget();
    rig.passes(ms(1));
    assert_eq!(rig.outputs()[0], Output::Abandon(generation));
    assert_eq!((rig.state(), rig.cause()), (State::Waiting, Some(Failure::Silent)));
    let retry_in = rig.retry_in();
    assert_eq!(
        rig.events().last(),
        Some(&Event::Disconnected {
            close: close(1006),
            retry_in
        })
    );
    assert!(rig.retry_in() <= Some(secs(1)), "it was stable");
    rig.passes_until_attempt();
    rig.opens();
    rig.passes(secs(30));
    assert_eq!(asked(&rig), 1, "a new connection has a new heartbeat");
}

#[test]
fn without_a_policy_a_dead_link_is_the_end() {
    let mut config = beating();
    config.reconnect = None;
    let mut rig = Rig::open(config, 1);
    rig.passes(secs(40));
    assert_eq!(rig.end(), Some(&(close(1006), Some(Failure::Silent))));
}

#[test]
fn a_timer_that_fires_late_asks_again_instead_of_giving_up() {
    let mut rig = Rig::open(beating(), 1);
    rig.passes(secs(30));
    // A hidden tab: one timer a minute, and no word in between.
    for beats in 2..20 {
        rig.sleeps(secs(60));
        assert_eq!((rig.state(), asked(&rig)), (State::Open, beats));
    }
    // Back to life: now the timer can be trusted.
    rig.passes(secs(10));
    assert_eq!(rig.state(), State::Waiting);
}

#[test]
fn somebody_who_looks_again_or_wakes_up_asks_at_once() {
    for signal in [Signal::Visible, Signal::Woke] {
        let mut rig = Rig::open(beating(), 1);
        rig.passes(secs(3));
        rig.page(signal);
        assert_eq!(asked(&rig), 1);
        rig.passes(ms(9_999));
        assert_eq!(rig.state(), State::Open);
        rig.passes(ms(1));
        assert_eq!(rig.cause(), Some(Failure::Silent));
    }
}

#[test]
fn somebody_who_looks_again_after_a_long_sleep_gets_the_full_timeout() {
    let mut rig = Rig::open(beating(), 1);
    rig.passes(secs(35));
    rig.now = rig.now + secs(3600);
    rig.page(Signal::Woke);
    assert_eq!((rig.state(), asked(&rig)), (State::Open, 2));
    rig.sleeps(secs(1));
    rig.arrives(1);
    rig.passes(secs(29));
    assert_eq!(rig.state(), State::Open);
}

#[test]
fn without_a_heartbeat_it_trusts_the_browser() {
    let mut rig = Rig::open(config(), 1);
    rig.page(Signal::Visible);
    rig.passes(secs(100_000));
    assert_eq!((rig.state(), asked(&rig)), (State::Open, 0));
    assert_eq!(rig.timer, None);
}

#[test]
fn it_is_not_sent_while_the_socket_closes_by_itself() {
    let mut rig = Rig::open(beating(), 1);
    rig.begins_to_close();
    rig.page(Signal::Visible);
    rig.passes(secs(1));
    assert_eq!(asked(&rig), 0);
}

#[test]
fn a_farewell_ends_it() {
    let mut rig = Rig::open(beating(), 1);
    rig.passes(secs(25));
    rig.close(1000, secs(100));
    rig.page(Signal::Visible);
    rig.passes(secs(99));
    assert_eq!((rig.state(), asked(&rig), rig.attempts()), (State::Open, 0, 1));
    rig.passes(secs(1));
    assert_eq!(rig.end(), Some(&(close(1006), None)));
}

#[test]
fn a_link_that_dies_after_everything_was_said_is_no_reason_to_come_back() {
    let mut config = beating();
    config.heartbeat.as_mut().expect("set").timeout = ms(500);
    let mut rig = Rig::open(config, 1);
    rig.begins_to_close();
    rig.page(Signal::Visible);
    rig.close(1000, secs(5));
    rig.passes(secs(5));
    assert_eq!(rig.end(), Some(&(close(1006), None)));
    assert_eq!(rig.attempts(), 1);
}

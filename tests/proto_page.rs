//! What the page and the network do to it: offline and online, hidden and visible, left and returned, sleep.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use support::{Rig, close, config, ms, secs};
use tautline::proto::{Config, Event, Failure, Input, Output, Signal, State};

fn once() -> Config {
    let mut config = config();
    config.reconnect = None;
    config
}

#[test]
fn no_attempt_while_offline() {
    let mut rig = Rig::waiting(config(), 1);
    rig.page(Signal::Offline);
    assert_eq!((rig.state(), rig.cause()), (State::Waiting, Some(Failure::Offline)));
    assert_eq!((rig.retry_in(), rig.timer), (None, None));
    for signal in [Signal::Visible, Signal::Woke, Signal::Hidden, Signal::Offline] {
        rig.page(signal);
        rig.passes(secs(1000));
    }
    assert_eq!(rig.attempts(), 1);
}

#[test]
fn it_begins_when_the_network_is_there() {
    for mut config in [config(), once()] {
        config.ask_url = true;
        let mut rig = Rig::idle(config, 1);
        rig.page(Signal::Offline);
        rig.handle(Input::Connect);
        assert_eq!((rig.state(), rig.attempts()), (State::Waiting, 0));
        rig.page(Signal::Online);
        rig.passes_until_attempt();
        rig.url_ready();
        rig.opens();
        assert_eq!(rig.state(), State::Open);
    }
}

#[test]
fn a_connection_survives_the_word_offline_until_it_ends() {
    let mut rig = Rig::open(config(), 1);
    rig.page(Signal::Offline);
    rig.passes(secs(3));
    assert_eq!(rig.state(), State::Open);
    rig.ends(1006);
    assert_eq!(
        rig.events().last(),
        Some(&Event::Disconnected {
            close: close(1006),
            retry_in: None
        })
    );
    assert_eq!(rig.cause(), Some(Failure::Offline));
    rig.passes(secs(1000));
    assert_eq!(rig.attempts(), 1);
}

#[test]
fn online_again_clients_come_back_within_two_seconds_and_spread() {
    let mut delays: Vec<f64> = (0..2000)
        .map(|seed| {
            let mut rig = Rig::open(config(), seed);
            rig.page(Signal::Offline);
            rig.ends(1006);
            rig.passes(secs(60));
            rig.page(Signal::Online);
            let online = rig.now;
            rig.passes_until_attempt();
            rig.now.since(online).as_secs_f64()
        })
        .collect();
    delays.sort_by(f64::total_cmp);
    assert!(delays[0] < 0.01 && delays[1999] > 1.99 && delays[1999] <= 2.0);
    assert!((0.9..1.1).contains(&delays[1000]), "the middle one is {}", delays[1000]);
}

#[test]
fn online_never_puts_an_attempt_off() {
    for seed in 0..200 {
        let mut rig = Rig::waiting(config(), seed);
        let due = rig.now + rig.retry_in().expect("a time");
        rig.page(Signal::Online);
        rig.passes_until_attempt();
        assert!(rig.now <= due);
    }
}

#[test]
fn seen_again_or_awake_again_it_tries_within_100_ms() {
    for signal in [Signal::Visible, Signal::Woke] {
        for seed in 0..200 {
            let mut rig = Rig::waiting(config(), seed);
            for _ in 0..4 {
                rig.passes_until_attempt();
                rig.refuses();
            }
            rig.page(Signal::Hidden);
            let due = rig.now + rig.retry_in().expect("a time");
            rig.page(signal);
            let seen = rig.now;
            rig.passes_until_attempt();
            assert!(rig.now.since(seen) <= ms(100) && rig.now <= due);
        }
    }
}

#[test]
fn hidden_changes_nothing() {
    let mut rig = Rig::waiting(config(), 1);
    rig.ignores(&Input::Page(Signal::Hidden));
    rig.passes_until_attempt();
    rig.opens();
    rig.ignores(&Input::Page(Signal::Hidden));
}

#[test]
fn signals_during_an_attempt_start_no_other() {
    let mut rig = Rig::connecting(config(), 1);
    for signal in [
        Signal::Visible,
        Signal::Online,
        Signal::Woke,
        Signal::Returned,
        Signal::Offline,
        Signal::Online,
    ] {
        rig.ignores(&Input::Page(signal));
    }
}

#[test]
fn a_page_that_is_left_closes_its_socket_and_comes_back_at_once() {
    let mut rig = Rig::open(config(), 1);
    let generation = rig.machine.generation();
    rig.page(Signal::Left);
    let farewell = Output::Close {
        code: 1000,
        reason: String::new(),
    };
    assert_eq!(rig.outputs()[..2], [farewell, Output::Abandon(generation)]);
    let events = rig.events();
    assert_eq!(
        events[0],
        Event::StateChange {
            state: State::Waiting,
            previous: State::Open,
            retry_in: None,
            cause: Some(Failure::PageHidden),
        }
    );
    assert_eq!(
        events[1],
        Event::Disconnected {
            close: close(1000),
            retry_in: None
        }
    );
    assert_eq!(events.len(), 2);
    for signal in [Signal::Visible, Signal::Online, Signal::Woke, Signal::Left] {
        rig.page(signal);
        rig.passes(secs(100));
    }
    assert_eq!(rig.attempts(), 1);
    rig.page(Signal::Returned);
    rig.passes(ms(0));
    assert_eq!(rig.attempts(), 2);
    rig.opens();
    assert_eq!(rig.state(), State::Open);
}

#[test]
fn a_page_that_is_left_lets_go_of_an_attempt() {
    for ask_url in [false, true] {
        let mut config = config();
        config.ask_url = ask_url;
        let mut rig = Rig::connecting(config, 1);
        let generation = rig.machine.generation();
        rig.forget();
        rig.page(Signal::Left);
        assert_eq!(rig.outputs()[0], Output::Abandon(generation));
        assert!(
            !rig.events()
                .iter()
                .any(|event| matches!(event, Event::Disconnected { .. }))
        );
        rig.page(Signal::Returned);
        rig.passes(ms(0));
        assert_eq!(rig.attempts(), 2);
    }
}

#[test]
fn a_page_that_returns_offline_waits_for_the_network_and_says_so() {
    let mut rig = Rig::open(config(), 1);
    rig.page(Signal::Left);
    rig.page(Signal::Offline);
    rig.page(Signal::Returned);
    assert_eq!((rig.state(), rig.cause()), (State::Waiting, Some(Failure::Offline)));
    rig.passes(secs(100));
    assert_eq!(rig.attempts(), 1);
    rig.page(Signal::Online);
    rig.passes(secs(2));
    assert_eq!(rig.attempts(), 2);
}

#[test]
fn without_a_policy_a_page_that_is_left_is_the_end() {
    let mut rig = Rig::open(once(), 1);
    rig.page(Signal::Left);
    let end = (close(1000), Some(Failure::PageHidden));
    assert_eq!(rig.end(), Some(&end));
    rig.page(Signal::Returned);
    rig.passes(secs(100));
    assert_eq!(rig.attempts(), 1);
}

#[test]
fn a_page_left_after_a_stable_connection_starts_afresh() {
    let mut config = config();
    config.reconnect.as_mut().expect("set").max_attempts = Some(1);
    let mut rig = Rig::open(config, 1);
    // The page was frozen, and no timer fired.
    rig.now = rig.now + secs(60);
    rig.page(Signal::Left);
    rig.page(Signal::Returned);
    rig.passes_until_attempt();
    rig.opens();
    assert_eq!(rig.state(), State::Open);
}

#[test]
fn what_is_sent_meanwhile_goes_out_when_it_is_back() {
    let mut rig = Rig::open(config(), 1);
    rig.page(Signal::Left);
    rig.send(1);
    rig.page(Signal::Offline);
    rig.send(2);
    rig.page(Signal::Returned);
    rig.send(3);
    rig.page(Signal::Online);
    rig.passes_until_attempt();
    rig.opens();
    assert_eq!(rig.wire, [1, 2, 3]);
}

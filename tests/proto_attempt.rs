//! An attempt to connect: the URL, the socket, its timeout, how it fails, and reports that come too late.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use support::{Rig, close, config, ms, secs};
use tautline::proto::{Config, Event, Failure, Generation, Input, Output, Signal, State};

fn asking() -> Config {
    let mut config = config();
    config.ask_url = true;
    config
}

fn at_most(attempts: u32) -> Config {
    let mut config = config();
    config.reconnect.as_mut().expect("set").max_attempts = Some(attempts);
    config
}

fn change(state: State, previous: State) -> Event {
    Event::StateChange {
        state,
        previous,
        retry_in: None,
        cause: None,
    }
}

fn opened_sockets(outputs: &[Output]) -> Vec<u32> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Open(generation) => Some(generation.number()),
            _ => None,
        })
        .collect()
}

#[test]
fn it_connects_and_says_so() {
    let mut rig = Rig::connecting(config(), 1);
    let generation = rig.machine.generation();
    let deadline = rig.now + secs(10);
    assert_eq!(
        rig.outputs(),
        [
            Output::Tell(change(State::Connecting, State::Connecting)),
            Output::Open(generation),
            Output::SetTimer(Some(deadline)),
        ]
    );
    rig.forget();
    rig.opens();
    assert_eq!(
        rig.events(),
        [change(State::Open, State::Connecting), Event::Open { resumed: false }]
    );
    assert_eq!(rig.state(), State::Open);
}

#[test]
fn it_begins_once() {
    let mut rig = Rig::connecting(config(), 1);
    rig.ignores(&Input::Connect);
    rig.opens();
    rig.ignores(&Input::Connect);
    rig.abort();
    rig.ignores(&Input::Connect);
}

#[test]
fn a_url_is_asked_for_before_every_attempt() {
    let mut rig = Rig::connecting(asking(), 1);
    assert!(rig.outputs().contains(&Output::AskUrl(rig.machine.generation())));
    assert!(rig.socket.is_none());
    rig.url_ready();
    assert!(rig.outputs().contains(&Output::Open(rig.machine.generation())));
    rig.refuses();
    rig.passes_until_attempt();
    assert!(rig.outputs().contains(&Output::AskUrl(rig.machine.generation())));
    assert_eq!(rig.machine.generation().number(), 2);
}

#[test]
fn a_question_that_fails_is_a_failed_attempt() {
    let mut rig = Rig::connecting(asking(), 1);
    rig.url_failed();
    assert_eq!((rig.state(), rig.cause()), (State::Waiting, Some(Failure::Url)));
    rig.passes_until_attempt();
    rig.url_ready();
    rig.opens();
    assert_eq!(rig.state(), State::Open);
}

#[test]
fn an_answer_that_no_socket_can_be_made_from_is_a_failed_attempt() {
    let mut rig = Rig::connecting(asking(), 1);
    rig.unmakeable = true;
    rig.url_ready();
    assert_eq!((rig.state(), rig.cause()), (State::Waiting, Some(Failure::Url)));
}

#[test]
fn a_fixed_url_that_no_socket_can_be_made_from_is_final() {
    let mut rig = Rig::idle(config(), 1);
    rig.unmakeable = true;
    rig.handle(Input::Connect);
    assert_eq!(rig.end(), Some(&(close(1006), Some(Failure::Url))));
}

#[test]
fn an_attempt_that_takes_too_long_is_abandoned() {
    let mut rig = Rig::connecting(config(), 1);
    let first = rig.machine.generation();
    rig.passes(ms(9_999));
    assert_eq!(rig.state(), State::Connecting);
    rig.forget();
    rig.passes(ms(1));
    assert_eq!(rig.outputs()[0], Output::Abandon(first));
    assert_eq!((rig.state(), rig.cause()), (State::Waiting, Some(Failure::Timeout)));
    assert!(rig.socket.is_none());
    // Its late opening changes nothing.
    rig.ignores(&Input::Opened(first));
}

#[test]
fn a_question_that_takes_too_long_is_abandoned() {
    let mut rig = Rig::connecting(asking(), 1);
    let first = rig.machine.generation();
    rig.forget();
    rig.passes(secs(10));
    assert_eq!(rig.outputs()[0], Output::Abandon(first));
    assert_eq!((rig.state(), rig.cause()), (State::Waiting, Some(Failure::Timeout)));
    rig.ignores(&Input::UrlReady(first));
    rig.ignores(&Input::UrlFailed(first));
}

#[test]
fn the_question_and_the_socket_share_one_timeout() {
    let mut rig = Rig::connecting(asking(), 1);
    rig.passes(secs(6));
    rig.url_ready();
    rig.passes(ms(3_999));
    assert_eq!(rig.state(), State::Connecting);
    rig.passes(ms(1));
    assert_eq!(rig.cause(), Some(Failure::Timeout));
}

#[test]
fn an_error_and_its_end_count_once() {
    let mut rig = Rig::connecting(config(), 1);
    let first = rig.machine.generation();
    rig.forget();
    rig.handle(Input::Error(first));
    // Nothing is told of it, and nothing follows from it but a limit for its end.
    assert_eq!((rig.state(), rig.events()), (State::Connecting, vec![]));
    rig.ends(1006);
    assert_eq!((rig.state(), rig.attempts()), (State::Waiting, 1));
    rig.ignores(&Input::Error(first));
    rig.ignores(&Input::Closed {
        generation: first,
        close: close(1006),
        retry: None,
    });
}

/// Every report there is about a socket or a question.
fn reports(generation: Generation) -> Vec<Input> {
    let mut reports = vec![
        Input::UrlReady(generation),
        Input::UrlFailed(generation),
        Input::OpenFailed(generation),
        Input::Opened(generation),
        Input::Message(generation, 3),
        Input::Error(generation),
        Input::Closing(generation),
    ];
    for retry in [None, Some(true), Some(false)] {
        for code in [1000, 1006, 1009, 4401] {
            reports.push(Input::Closed {
                generation,
                close: close(code),
                retry,
            });
        }
    }
    reports
}

#[test]
fn reports_about_an_earlier_attempt_are_ignored_in_every_state() {
    for ask_url in [false, true] {
        let mut config = asking();
        config.ask_url = ask_url;
        let mut rig = Rig::connecting(config, 1);
        let first = rig.machine.generation();
        rig.passes(secs(10));
        let ignores_all = |rig: &mut Rig, state: State| {
            assert_eq!(rig.state(), state);
            for generation in [Generation::default(), first] {
                for report in reports(generation) {
                    rig.ignores(&report);
                }
            }
        };
        ignores_all(&mut rig, State::Waiting);
        rig.passes_until_attempt();
        ignores_all(&mut rig, State::Connecting);
        if ask_url {
            rig.url_ready();
            ignores_all(&mut rig, State::Connecting);
        }
        rig.opens();
        ignores_all(&mut rig, State::Open);
        rig.begins_to_close();
        ignores_all(&mut rig, State::Open);
        rig.abort();
        ignores_all(&mut rig, State::Closed);
        for report in reports(rig.machine.generation()) {
            rig.ignores(&report);
        }
    }
}

#[test]
fn attempts_in_a_row_are_counted_with_the_first() {
    for most in 1..5 {
        let mut rig = Rig::connecting(at_most(most), 1);
        for _ in 1..most {
            rig.refuses();
            assert_eq!(rig.state(), State::Waiting);
            rig.passes_until_attempt();
        }
        rig.refuses();
        assert_eq!(rig.attempts(), most);
        assert_eq!(rig.end(), Some(&(close(1006), Some(Failure::Attempts))));
    }
}

#[test]
fn a_short_connection_does_not_renew_the_attempts_and_a_stable_one_does() {
    let mut rig = Rig::open(at_most(2), 1);
    rig.passes(ms(4_999));
    rig.ends(1006);
    rig.passes_until_attempt();
    rig.opens();
    rig.passes(secs(5));
    rig.ends(1006);
    rig.passes_until_attempt();
    rig.refuses();
    rig.passes_until_attempt();
    rig.refuses();
    assert_eq!(rig.attempts(), 4);
    assert_eq!(rig.end(), Some(&(close(1006), Some(Failure::Attempts))));
}

#[test]
fn without_a_policy_there_is_one_attempt() {
    let never = || {
        let mut config = config();
        config.reconnect = None;
        config
    };
    let mut rig = Rig::waiting(never(), 1);
    assert_eq!(rig.end(), Some(&(close(1006), Some(Failure::Refused))));

    rig = Rig::connecting(never(), 1);
    rig.passes(secs(10));
    assert_eq!(rig.end(), Some(&(close(1006), Some(Failure::Timeout))));

    rig = Rig::open(never(), 1);
    rig.ends(1001);
    assert_eq!(rig.end(), Some(&(close(1001), Some(Failure::Closed))));
    for signal in [Signal::Online, Signal::Visible, Signal::Returned, Signal::Woke] {
        rig.page(signal);
        rig.passes(secs(60));
    }
    assert_eq!(opened_sockets(&rig.outputs()), Vec::<u32>::new());
}

#[test]
fn a_timer_that_fires_early_is_harmless() {
    let mut rig = Rig::connecting(config(), 1);
    for _ in 0..20 {
        rig.passes(ms(100));
        rig.fires();
    }
    assert_eq!((rig.state(), rig.attempts()), (State::Connecting, 1));
    rig.refuses();
    let due = rig.now + rig.retry_in().expect("a time");
    rig.fires();
    rig.passes_until_attempt();
    assert_eq!(rig.now, due);
}

#[test]
fn a_lost_connection_is_told_once_with_the_time_of_the_next() {
    let mut rig = Rig::open(config(), 1);
    rig.ends(1011);
    let retry_in = rig.retry_in();
    assert!(retry_in.is_some());
    assert_eq!(
        rig.events(),
        [
            Event::StateChange {
                state: State::Waiting,
                previous: State::Open,
                retry_in,
                cause: None,
            },
            Event::Disconnected {
                close: close(1011),
                retry_in,
            },
        ]
    );
    assert_eq!(rig.machine.stats().last_close, Some(close(1011)));
    assert_eq!(rig.machine.stats().reconnects, 0);
    rig.passes_until_attempt();
    rig.opens();
    assert_eq!(rig.machine.stats().reconnects, 1);
}

#[test]
fn an_error_without_an_end_is_an_end() {
    let mut rig = Rig::connecting(config(), 1);
    let generation = rig.machine.generation();
    rig.handle(Input::Error(generation));
    rig.passes(ms(2_999));
    assert_eq!(rig.state(), State::Connecting);
    rig.passes(ms(1));
    assert_eq!(rig.state(), State::Waiting);
    assert_eq!(rig.cause(), Some(Failure::Refused));
    rig.passes_until_attempt();
    rig.opens();
    // And once its end has come, nothing is left to wait for.
    let second = rig.machine.generation();
    rig.handle(Input::Error(second));
    rig.ends(1006);
    rig.passes_until_attempt();
    rig.opens();
    rig.passes(secs(4));
    assert_eq!(rig.state(), State::Open);
}

//! How a client tells a dead link from a quiet one, by a PING and by what its socket holds: scenarios.
#![cfg(not(target_arch = "wasm32"))]

use std::time::Duration;

use tautline::proto::{Config, Connection, Durable, Event, Input, Output, State, Time};
use tautline::session::{Control, FromClient, Welcome};

const HEARTBEAT: u64 = 1_000;
/// Twice the heartbeat: when the PING goes out.
const ASKS: u64 = 2 * HEARTBEAT;
/// Five seconds later nobody has answered.
const JUDGES: u64 = ASKS + 5_000;

fn at(millis: u64) -> Time {
    Time::from_millis(1_000_000 + millis)
}

/// A client with a session, open since the instant 0.
fn open() -> Connection {
    let mut config = Config::new();
    config.durable = Some(Durable::default());
    let mut machine = Connection::new(config, 1);
    machine.handle(Input::Connect, at(0));
    let generation = machine.generation();
    machine.handle(Input::Opened(generation), at(0));
    let welcome = Welcome {
        token: "t".into(),
        limit: 100,
        resume_ms: 60_000,
        heartbeat_ms: HEARTBEAT,
        max_message: 1_000,
        ..Welcome::default()
    };
    assert_eq!(machine.frame(generation, &welcome.encode(), at(0)), None);
    outputs(&mut machine);
    assert_eq!(machine.state(), State::Open);
    machine
}

fn outputs(machine: &mut Connection) -> Vec<Output> {
    std::iter::from_fn(|| machine.poll()).collect()
}

fn is_ping(output: &Output) -> bool {
    let Output::Frame(frame) = output else {
        return false;
    };
    matches!(FromClient::decode(frame), Ok(FromClient::Control(Control::Ping(_))))
}

/// The heartbeat's timer fires; the socket holds so much before the PING.
fn asks(machine: &mut Connection, held: usize) {
    machine.handle(Input::Timer, at(ASKS));
    machine.handle(Input::Buffered(held), at(ASKS));
    outputs(machine);
}

#[test]
fn the_socket_is_measured_before_the_ping_goes_into_it() {
    let mut machine = open();
    machine.handle(Input::Timer, at(ASKS));
    let told = outputs(&mut machine);
    let measure = told.iter().position(|output| *output == Output::Measure);
    let ping = told.iter().position(is_ping);
    assert!(measure.is_some() && measure < ping, "{told:?}");
}

/// Nobody has answered by now, and what has arrived meanwhile was read; the socket holds so much.
fn judges(machine: &mut Connection, held: usize) {
    machine.handle(Input::Timer, at(JUDGES));
    assert!(outputs(machine).contains(&Output::AwaitTurn), "an answer may be there");
    machine.handle(Input::TurnEnded, at(JUDGES));
    assert_eq!(machine.poll(), Some(Output::Measure));
    machine.handle(Input::Buffered(held), at(JUDGES));
}

#[test]
fn an_empty_socket_and_no_answer_mean_a_dead_link() {
    let mut machine = open();
    asks(&mut machine, 0);
    judges(&mut machine, 0);
    assert_eq!(machine.state(), State::Waiting);
}

#[test]
fn a_socket_that_holds_less_than_before_means_a_slow_link() {
    let mut machine = open();
    asks(&mut machine, 1_000);
    judges(&mut machine, 999);
    assert_eq!(machine.state(), State::Open);
    assert!(outputs(&mut machine).iter().any(is_ping), "it asks again");
}

#[test]
fn a_socket_that_holds_as_much_as_before_means_a_dead_link() {
    let mut machine = open();
    asks(&mut machine, 1_000);
    judges(&mut machine, 1_000);
    assert_eq!(machine.state(), State::Waiting);
}

#[test]
fn what_is_sent_meanwhile_stands_behind_what_was_held() {
    for (held, later, state) in [
        (1_000, 1_499, State::Open),
        (1_000, 1_500, State::Waiting),
        // A browser passes on what fits, whether the link lives or not.
        (0, 0, State::Waiting),
    ] {
        let mut machine = open();
        asks(&mut machine, held);
        machine.handle(Input::Send { size: 500 }, at(ASKS + 1));
        assert!(
            outputs(&mut machine)
                .iter()
                .any(|output| matches!(output, Output::Batch(_)))
        );
        judges(&mut machine, later);
        assert_eq!(machine.state(), state, "{held} and {later}");
    }
}

#[test]
fn an_answer_that_stands_behind_the_timer_is_one() {
    let mut machine = open();
    asks(&mut machine, 0);
    machine.handle(Input::Timer, at(JUDGES));
    assert!(outputs(&mut machine).contains(&Output::AwaitTurn));
    let generation = machine.generation();
    machine.frame(generation, &Control::Pong(1).encode(), at(JUDGES));
    machine.handle(Input::TurnEnded, at(JUDGES));
    assert!(!outputs(&mut machine).contains(&Output::Measure));
    assert_eq!(machine.state(), State::Open);
}

#[test]
fn a_probe_that_is_judged_after_the_end_does_not_bring_the_socket_back() {
    let mut machine = open();
    machine.handle(Input::Send { size: 1 }, at(0));
    asks(&mut machine, 1_000);
    machine.handle(
        Input::Close {
            code: 1000,
            reason: String::new(),
            timeout: Duration::from_millis(JUDGES + 1 - ASKS),
        },
        at(ASKS),
    );
    // The probe runs out, and then the close; the timer comes a little late for both.
    machine.handle(Input::Timer, at(JUDGES + 1));
    assert_eq!(machine.state(), State::Closed);
    assert_eq!(machine.poll(), Some(Output::AwaitTurn), "the probe wanted to know");
    machine.handle(Input::TurnEnded, at(JUDGES + 1));
    machine.handle(Input::Buffered(1_000), at(JUDGES + 1));
    assert_eq!(machine.state(), State::Closed);
    let told = outputs(&mut machine);
    assert!(
        matches!(told.last(), Some(Output::Tell(Event::Closed { .. }))),
        "{told:?}"
    );
}

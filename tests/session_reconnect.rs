//! How soon a client with a session comes back: scenarios.
#![cfg(not(target_arch = "wasm32"))]

use std::time::Duration;

use tautline::proto::{Close, Config, Connection, Durable, Event, Failure, Input, Output, State, Time};
use tautline::session::{Bye, Control, FromClient, Welcome};

const RESUME_MS: u64 = 60_000;

/// A client whose connections are cut by hand, with a clock that goes on by itself.
struct Client {
    machine: Connection,
    millis: u64,
}

impl Client {
    fn new() -> Self {
        let mut config = Config::new();
        config.durable = Some(Durable::default());
        let mut client = Self {
            machine: Connection::new(config, 7),
            millis: 1_000_000,
        };
        client.handle(Input::Connect);
        client.welcome(false, 0);
        client
    }

    fn now(&mut self) -> Time {
        self.millis += 1;
        Time::from_millis(self.millis)
    }

    fn handle(&mut self, input: Input) -> Vec<Output> {
        let now = self.now();
        self.machine.handle(input, now);
        std::iter::from_fn(|| self.machine.poll()).collect()
    }

    fn receive(&mut self, frame: &[u8]) -> Vec<Output> {
        let (now, generation) = (self.now(), self.machine.generation());
        assert_eq!(self.machine.frame(generation, frame, now), None);
        std::iter::from_fn(|| self.machine.poll()).collect()
    }

    /// The connection under way opens, and the server greets.
    fn welcome(&mut self, resumed: bool, taken: u64) {
        self.greet("t", resumed, taken);
    }

    fn greet(&mut self, token: &str, resumed: bool, taken: u64) {
        let generation = self.machine.generation();
        self.handle(Input::Opened(generation));
        let welcome = Welcome {
            resumed,
            token: token.into(),
            taken,
            limit: 1_000,
            resume_ms: RESUME_MS,
            max_message: 100,
            ..Welcome::default()
        };
        self.receive(&welcome.encode());
        assert_eq!(self.machine.state(), State::Open);
    }

    /// The connection ends with this code, and the next attempt is due. How long that took.
    fn come_back(&mut self, code: u16) -> Duration {
        let generation = self.machine.generation();
        let close = Close {
            code,
            ..Close::default()
        };
        let outputs = self.handle(Input::Closed {
            generation,
            close,
            retry: None,
        });
        let delay = outputs.iter().find_map(|output| match output {
            Output::Tell(Event::StateChange { retry_in, .. }) => *retry_in,
            _ => None,
        });
        let delay = delay.expect("it comes back");
        self.millis += delay.as_millis() as u64 + 1;
        self.handle(Input::Timer);
        assert_eq!(self.machine.state(), State::Connecting);
        delay
    }

    /// The connection ends. Why the socket does, if it does.
    fn end(&mut self, close: Close, retry: Option<bool>) -> Option<Failure> {
        let generation = self.machine.generation();
        let outputs = self.handle(Input::Closed {
            generation,
            close,
            retry,
        });
        outputs.iter().find_map(|output| match output {
            Output::Tell(Event::Closed { failure, .. }) => *failure,
            _ => None,
        })
    }

    fn send(&mut self) {
        self.handle(Input::Send { size: 1 });
    }
}

#[test]
fn a_session_that_gets_on_comes_back_at_once_however_often_it_is_cut() {
    let mut client = Client::new();
    for taken in 1..100 {
        client.send();
        client.receive(&Control::Ack { taken, limit: 1_000 }.encode());
        assert!(client.come_back(1006) <= Duration::from_millis(250));
        client.welcome(true, taken);
    }
}

#[test]
fn what_was_taken_on_the_connection_before_counts() {
    let mut client = Client::new();
    for taken in 1..100 {
        client.send();
        assert!(client.come_back(1006) <= Duration::from_millis(250));
        client.welcome(true, taken);
    }
}

#[test]
fn a_session_that_does_not_get_on_waits_longer_and_longer_but_not_beyond_a_sixth_of_its_time() {
    let mut client = Client::new();
    let mut longest = Duration::ZERO;
    for _ in 0..100 {
        longest = longest.max(client.come_back(1006));
        client.welcome(true, 0);
    }
    let sixth = Duration::from_millis(RESUME_MS / 6);
    assert!(longest > sixth / 2 && longest <= sixth, "{longest:?}");
}

#[test]
fn an_overloaded_server_is_given_time_but_the_session_does_not_run_out() {
    let mut client = Client::new();
    for _ in 0..20 {
        let sixth = Duration::from_millis(RESUME_MS / 6);
        let delay = client.come_back(4429);
        assert!(delay >= sixth / 2 && delay <= sixth, "{delay:?}");
        client.welcome(true, 0);
    }
}

#[test]
fn a_session_that_has_run_out_is_no_reason_to_hurry() {
    let mut client = Client::new();
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        longest = longest.max(client.come_back(1006));
        // Nobody answers, for longer than the server keeps the session.
        client.millis += RESUME_MS;
    }
    assert!(longest > Duration::from_millis(RESUME_MS / 6), "{longest:?}");
}

#[test]
fn a_server_that_loses_its_sessions_is_not_hurried() {
    let mut client = Client::new();
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        let (now, generation) = (client.now(), client.machine.generation());
        client.machine.batch(generation, 1, &[1], now);
        longest = longest.max(client.come_back(1006));
        client.greet(&format!("t{}", client.millis), false, 0);
    }
    assert!(longest > Duration::from_secs(2), "{longest:?}");
}

#[test]
fn a_server_that_closes_in_good_order_in_place_of_a_welcome_does_not_speak_the_protocol() {
    let mut config = Config::new();
    config.durable = Some(Durable::default());
    let mut client = Client {
        machine: Connection::new(config, 7),
        millis: 1_000_000,
    };
    client.handle(Input::Connect);
    let mut failures = Vec::new();
    for _ in 0..3 {
        let generation = client.machine.generation();
        client.handle(Input::Opened(generation));
        let close = Close {
            code: 1003,
            reason: String::new(),
            was_clean: true,
        };
        failures.push(client.end(close, None));
        client.millis += 60_000;
        client.handle(Input::Timer);
    }
    assert_eq!(failures, [None, None, Some(Failure::Unsupported)]);
}

#[test]
fn no_policy_asks_for_credentials_again_and_again() {
    let mut client = Client::new();
    let close = Close {
        code: 4401,
        ..Close::default()
    };
    assert_eq!(client.end(close.clone(), Some(true)), None);
    client.millis += 60_000;
    client.handle(Input::Timer);
    let generation = client.machine.generation();
    client.handle(Input::Opened(generation));
    assert_eq!(client.end(close, Some(true)), Some(Failure::Unauthorized));
}

#[test]
fn credentials_are_asked_for_once_for_each_welcome() {
    let mut client = Client::new();
    client.come_back(4401);
    client.welcome(true, 0);
    client.come_back(4401);
    let close = Close {
        code: 4401,
        ..Close::default()
    };
    let failure = client.end(close, None);
    assert_eq!(failure, Some(Failure::Unauthorized));
}

#[test]
fn a_close_without_a_code_says_1000_to_the_server_and_1005_to_the_application() {
    let mut client = Client::new();
    let outputs = client.handle(Input::Close {
        code: 1005,
        reason: String::new(),
        timeout: Duration::from_secs(5),
    });
    let said = outputs.iter().find_map(|output| match output {
        Output::Frame(frame) => FromClient::decode(frame).ok(),
        _ => None,
    });
    let bye = Bye {
        code: 1000,
        reason: String::new(),
    };
    assert_eq!(said, Some(FromClient::Control(Control::Bye(bye))));
    let generation = client.machine.generation();
    let close = Close {
        code: 1000,
        reason: String::new(),
        was_clean: true,
    };
    client.handle(Input::Closed {
        generation,
        close,
        retry: None,
    });
    assert_eq!(client.machine.stats().last_close.map(|close| close.code), Some(1005));
}

//! How much of a session the socket holds, on links that are fast, slow and gone: scenarios.
#![cfg(not(target_arch = "wasm32"))]

use std::time::Duration;

use tautline::proto::{Close, Config, Connection, Durable, Generation, Input, Output, State, Time};
use tautline::session::{Control, Welcome};

const MIB: usize = 1 << 20;
const LOOKS: Duration = Duration::from_millis(5);

/// A client with a session and much to send, and its socket.
struct Client {
    machine: Connection,
    generation: Generation,
    now: Time,
    /// Bytes in the socket.
    held: usize,
}

impl Client {
    fn open() -> Self {
        let mut config = Config::new();
        config.durable = Some(Durable::default());
        config.outbox.bytes = 64 * MIB;
        let mut client = Self {
            machine: Connection::new(config, 1),
            generation: Generation::default(),
            now: Time::from_millis(1_000),
            held: 0,
        };
        client.machine.handle(Input::Connect, client.now);
        client.opens();
        for _ in 0..48 {
            client.machine.handle(Input::Send { size: MIB }, client.now);
        }
        client.run();
        client
    }

    fn opens(&mut self) {
        self.generation = self.machine.generation();
        self.held = 0;
        self.machine.handle(Input::Opened(self.generation), self.now);
        let welcome = Welcome {
            resumed: self.generation.number() > 1,
            token: "t".into(),
            limit: 100_000,
            resume_ms: 60_000,
            max_message: MIB as u64,
            ..Welcome::default()
        };
        assert_eq!(self.machine.frame(self.generation, &welcome.encode(), self.now), None);
        self.run();
    }

    fn run(&mut self) {
        while let Some(output) = self.machine.poll() {
            match output {
                Output::Batch(chunk) => self.held += chunk.bytes,
                Output::Measure => self.machine.handle(Input::Buffered(self.held), self.now),
                Output::AwaitTurn => self.machine.handle(Input::TurnEnded, self.now),
                _ => {}
            }
        }
    }

    /// So many mebibytes leave the socket until it is looked at again; how many it holds then.
    fn loses(&mut self, mebibytes: usize) -> usize {
        self.held = self.held.saturating_sub(mebibytes * MIB);
        self.now = self.now + LOOKS;
        self.machine.handle(Input::Timer, self.now);
        self.run();
        self.held / MIB
    }
}

#[test]
fn it_is_as_much_more_as_left_the_socket_between_two_looks() {
    let mut client = Client::open();
    assert_eq!(client.held / MIB, 1);
    // A fast link, one that is faster than any, a slow one, and one that stands still.
    let held = [1, 2, 3, 64, 64, 1, 1, 1, 1, 1, 0].map(|lost| client.loses(lost));
    assert_eq!(held, [2, 3, 4, 4, 4, 3, 2, 2, 2, 2, 2]);
}

#[test]
fn what_the_last_link_was_like_says_nothing_about_the_next() {
    let mut client = Client::open();
    for _ in 0..4 {
        client.loses(64);
    }
    client.machine.handle(
        Input::Closed {
            generation: client.generation,
            close: Close {
                code: 1006,
                ..Close::default()
            },
            retry: None,
        },
        client.now,
    );
    client.run();
    client.now = client.now + Duration::from_secs(1);
    client.machine.handle(Input::Timer, client.now);
    client.run();
    assert_eq!(client.machine.state(), State::Connecting);
    client.opens();
    assert_eq!(client.held / MIB, 1);
}

#[test]
fn what_the_server_says_is_an_occasion_to_look() {
    let mut client = Client::open();
    client.held = 0;
    let ack = Control::Ack {
        taken: 0,
        limit: 100_000,
    };
    client
        .machine
        .control_frame(client.generation, &ack.encode(), client.now);
    client.run();
    assert_eq!(client.held / MIB, 2);
}

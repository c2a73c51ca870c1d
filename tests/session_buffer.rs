//! How much of a session the socket holds, on links that are fast, slow and gone: scenarios.
#![cfg(not(target_arch = "wasm32"))]

use std::time::Duration;

use tautline::proto::{Close, Config, Connection, Durable, Generation, Input, Output, State, Time};
use tautline::session::{Control, FromClient, Welcome};

const MIB: usize = 1 << 20;
const LOOKS: Duration = Duration::from_millis(5);

/// A client with a session and much to send, and its socket.
struct Client {
    machine: Connection,
    generation: Generation,
    now: Time,
    /// Bytes in the socket.
    held: usize,
    /// The PINGs that were answered.
    pongs: Vec<u64>,
}

impl Client {
    /// One that has filled its socket.
    fn open() -> Self {
        let mut client = Self::idle();
        client.sends(48);
        client
    }

    fn idle() -> Self {
        let mut config = Config::new();
        config.durable = Some(Durable::default());
        config.outbox.bytes = 64 * MIB;
        let mut client = Self {
            machine: Connection::new(config, 1),
            generation: Generation::default(),
            now: Time::from_millis(1_000),
            held: 0,
            pongs: vec![],
        };
        client.machine.handle(Input::Connect, client.now);
        client.opens();
        client
    }

    /// So many messages of a mebibyte.
    fn sends(&mut self, count: usize) {
        for _ in 0..count {
            self.machine.handle(Input::Send { size: MIB }, self.now);
        }
        self.run();
    }

    fn hears(&mut self, frame: &Control) {
        self.machine.control_frame(self.generation, &frame.encode(), self.now);
        self.run();
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
                Output::Frame(frame) => {
                    if let Ok(FromClient::Control(Control::Pong(nonce))) = FromClient::decode(&frame) {
                        self.pongs.push(nonce);
                    }
                }
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
fn what_left_the_socket_in_a_long_time_says_nothing_about_its_link() {
    let mut client = Client::idle();
    for _ in 0..8 {
        client.sends(1);
        client.held = 0;
        client.now = client.now + Duration::from_secs(60);
    }
    client.sends(4);
    assert_eq!(client.held / MIB, 1);
}

#[test]
fn a_full_socket_gets_no_answers_and_then_the_latest() {
    let mut client = Client::open();
    for nonce in 1..=3 {
        client.hears(&Control::Ping(nonce));
    }
    assert!(client.pongs.is_empty(), "{:?}", client.pongs);
    client.loses(1);
    assert_eq!(client.pongs, [3]);
}

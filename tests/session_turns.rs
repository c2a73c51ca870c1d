//! How what a client sends and acknowledges in one turn of the event loop becomes frames: scenarios.
#![cfg(not(target_arch = "wasm32"))]

use std::time::Duration;

use tautline::proto::{Config, Connection, Durable, Generation, Input, Output, Time};
use tautline::session::{Control, FromClient, Welcome};

const NOW: Time = Time::from_millis(1_000);
/// Of the client: positions.
const WINDOW: usize = 4096;
const OUTBOX: usize = 100;

/// A client with a session.
struct Client {
    machine: Connection,
    generation: Generation,
    /// How many messages arrived.
    arrived: usize,
}

impl Client {
    fn open() -> Self {
        let mut config = Config::new();
        config.durable = Some(Durable::default());
        config.outbox.messages = OUTBOX;
        config.inbox.messages = WINDOW;
        let mut machine = Connection::new(config, 1);
        machine.handle(Input::Connect, NOW);
        let generation = machine.generation();
        machine.handle(Input::Opened(generation), NOW);
        let welcome = Welcome {
            token: "t".into(),
            limit: 1024,
            resume_ms: 60_000,
            max_message: 1_000,
            ..Welcome::default()
        };
        assert_eq!(machine.frame(generation, &welcome.encode(), NOW), None);
        let mut client = Self {
            machine,
            generation,
            arrived: 0,
        };
        client.told();
        client
    }

    /// What it does by now, but for timers.
    fn told(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.machine.poll())
            .filter_map(|output| match output {
                Output::Batch(chunk) => Some(Messages(chunk.count)),
                Output::AwaitTurn => Some(Awaits),
                Output::Frame(frame) => match FromClient::decode(&frame) {
                    Ok(FromClient::Control(Control::Ack { taken, .. })) => Some(Taken(taken)),
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }

    fn sends(&mut self, count: usize) -> Vec<Told> {
        for _ in 0..count {
            self.machine.handle(Input::Send { size: 10 }, NOW);
        }
        self.told()
    }

    /// The server has taken so many in all.
    fn hears(&mut self, taken: u64) -> Vec<Told> {
        let ack = Control::Ack {
            taken,
            limit: taken + 1024,
        };
        self.machine.control_frame(self.generation, &ack.encode(), NOW);
        self.told()
    }

    fn receives(&mut self, count: usize) {
        self.machine
            .batch(self.generation, 1 + self.arrived as u64, &vec![10; count], NOW);
        self.arrived += count;
        self.told();
    }

    fn takes(&mut self, count: u64) -> Vec<Told> {
        self.machine.handle(Input::Taken { count }, NOW);
        self.told()
    }

    fn turn_ends(&mut self) -> Vec<Told> {
        self.machine.handle(Input::TurnEnded, NOW);
        self.told()
    }
}

#[derive(Debug, PartialEq)]
enum Told {
    /// So many messages, in one frame.
    Messages(usize),
    /// An ACK up to there.
    Taken(u64),
    Awaits,
}

use Told::{Awaits, Messages, Taken};

#[test]
fn the_first_message_of_a_turn_leaves_at_once_and_the_rest_when_it_ends() {
    let mut client = Client::open();
    assert_eq!(client.sends(1), [Messages(1), Awaits]);
    assert_eq!(client.sends(1), []);
    assert_eq!(client.sends(1), []);
    assert_eq!(client.turn_ends(), [Messages(2)]);
    assert_eq!(client.sends(1), [Messages(1), Awaits], "the next turn is quiet again");
}

#[test]
fn whoever_waited_for_room_sends_together() {
    let mut client = Client::open();
    client.sends(OUTBOX);
    client.turn_ends();
    assert_eq!(client.hears(60), [Awaits]);
    assert_eq!(client.sends(20), []);
    assert_eq!(client.hears(70), []);
    assert_eq!(client.sends(30), []);
    assert_eq!(client.turn_ends(), [Messages(50)]);
}

#[test]
fn room_in_an_outbox_that_had_some_makes_nobody_wait() {
    let mut client = Client::open();
    client.sends(OUTBOX - 1);
    client.turn_ends();
    assert_eq!(client.hears(60), []);
    assert_eq!(client.sends(1), [Messages(1), Awaits]);
}

#[test]
fn much_that_is_taken_is_told_when_the_turn_ends() {
    let mut client = Client::open();
    client.receives(1_000);
    assert_eq!(client.takes(255), []);
    assert_eq!(client.takes(1), [Awaits]);
    assert_eq!(client.takes(700), []);
    assert_eq!(client.sends(3), [], "it leaves with the ACK");
    assert_eq!(client.turn_ends(), [Taken(956), Messages(3)]);
}

#[test]
fn half_of_the_window_is_told_at_once_whatever_the_turn() {
    let mut client = Client::open();
    client.receives(WINDOW / 2 + 100);
    client.sends(1);
    assert_eq!(client.takes(WINDOW as u64 / 2 - 1), []);
    assert_eq!(client.takes(1), [Taken(WINDOW as u64 / 2)]);
}

#[test]
fn a_server_that_stands_at_the_limit_is_told_at_once_whatever_the_turn() {
    let mut client = Client::open();
    client.receives(WINDOW);
    client.sends(1);
    assert_eq!(client.takes(1), [Taken(1)]);
}

#[test]
fn so_many_may_be_taken_untold_as_are_not_told_anyway() {
    let mut client = Client::open();
    client.receives(1_000);
    assert_eq!(
        client.machine.patience(),
        0,
        "the first is what the ACK's delay begins with"
    );
    client.takes(1);
    // Ten bytes a message: all of them might be those of one, which takes up two positions more.
    assert_eq!(client.machine.patience(), 256 - 1 - 1 - 2);
    client.takes(255);
    assert_eq!(client.machine.patience(), WINDOW as u64 / 2 - 256 - 1 - 1);
    client.turn_ends();
    assert_eq!(client.machine.patience(), 0);
}

#[test]
fn the_end_of_a_turn_matters_where_something_waits_for_it() {
    let mut client = Client::open();
    assert_eq!(client.sends(1), [Messages(1), Awaits]);
    assert!(!client.machine.waits_for_turn());
    client.sends(1);
    assert!(client.machine.waits_for_turn());
    assert_eq!(client.turn_ends(), [Messages(1)]);
    assert!(!client.machine.waits_for_turn());
    client.receives(1_000);
    assert_eq!(client.takes(255), []);
    assert!(!client.machine.waits_for_turn());
    assert_eq!(client.takes(1), [Awaits]);
    assert!(client.machine.waits_for_turn());
    assert_eq!(client.turn_ends(), [Taken(256)]);
    assert!(!client.machine.waits_for_turn());
}

#[test]
fn when_they_were_taken_makes_no_difference_then() {
    let mut client = Client::open();
    client.receives(1_000);
    client.takes(1);
    let count = client.machine.patience();
    // A driver that has no clock at hand.
    client.machine.handle(Input::Taken { count }, Time::default());
    assert_eq!(client.machine.poll(), None, "the ACK stays due when it was");
    assert_eq!(client.machine.inbox().messages, 1_000 - 1 - count as usize);
}

#[test]
fn an_ack_that_is_half_due_leaves_beside_a_frame() {
    for (micros, told) in [
        (12_499, vec![Messages(1), Awaits]),
        (12_500, vec![Messages(1), Awaits, Taken(1)]),
    ] {
        let mut client = Client::open();
        client.receives(1);
        assert_eq!(client.takes(1), []);
        let now = NOW + Duration::from_micros(micros);
        client.machine.handle(Input::Send { size: 10 }, now);
        assert_eq!(client.told(), told, "after {micros} µs");
    }
}

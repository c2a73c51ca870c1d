//! Whole conversations from one side, mostly right and then damaged, and both halves of a session that have to bear them.

use std::collections::VecDeque;
use std::time::Duration;

use tautline::proto::{Admission, Config, Connection, Durable, Inbox, Input, Outbox, Output, State, Time};
use tautline::session::frame::decode_text;
use tautline::session::{
    self, Batch, Bye, Control, Fault, FromClient, Hello, Kind, Part, Server, Settings, Welcome, span,
};

use super::frames::{self, Frame};
use super::random::Random;

const WINDOW: u64 = 16;
const MAX_MESSAGE: usize = 1 << 16;
const OUTBOX: usize = 8;

/// What one side of a session says, some of it damaged.
pub(crate) fn conversation(random: &mut Random) -> Vec<Frame> {
    let greeting = if random.one_in(2) {
        let hello = Hello {
            limit: random.below(20),
            attempt: 1,
            max_message: 1 + random.below(100),
            ..Hello::default()
        };
        hello.encode()
    } else {
        let welcome = Welcome {
            resumed: random.one_in(8),
            token: "t".into(),
            limit: random.below(20),
            resume_ms: 10_000,
            heartbeat_ms: random.pick(&[0, 100]),
            max_message: 1 + random.below(100),
            ..Welcome::default()
        };
        welcome.encode()
    };
    let mut said = vec![Frame::Binary(greeting)];
    let mut next = 1;
    for _ in 0..random.below(12) {
        said.push(match random.below(8) {
            0 if random.one_in(2) => frames::any(random),
            1 => control(&Control::Ping(random.below(9))),
            2..4 => control(&Control::Ack {
                taken: random.pick(&[0, 0, 0, 0, 1, 2, 9]),
                limit: random.below(30),
            }),
            4 if random.one_in(4) => control(&Control::Bye(Bye::default())),
            _ => messages(random, &mut next),
        });
    }
    for _ in 0..random.pick(&[0, 0, 1, 2]) {
        let place = random.below(said.len() as u64) as usize;
        let bytes = frames::damage(random, said[place].bytes());
        said[place] = said[place].with_bytes(bytes);
    }
    said
}

fn control(control: &Control) -> Frame {
    Frame::Binary(control.encode())
}

/// The next messages; now and then some that were there before, or one too far on.
fn messages(random: &mut Random, next: &mut u64) -> Frame {
    let first = match random.below(12) {
        0 => next.saturating_sub(random.below(4)).max(1),
        1 => *next + 1,
        _ => *next,
    };
    let mut sizes: Vec<_> = (0..=random.below(4))
        .map(|_| random.pick(&[0, 0, 1, 1, 2, 5, 9, 4095, 4096, 10_000]))
        .collect();
    if random.one_in(30) {
        sizes.push(70_000);
    }
    *next = first + sizes.iter().map(|&size| span(size)).sum::<u64>();
    let payload = vec![b'x'; 70_000];
    let parts = sizes.iter().map(|&size| Part {
        kind: Kind::Text,
        bytes: &payload[..size],
    });
    Frame::Binary(Batch::encode(first, parts))
}

/// The sizes of a frame's messages, where it is one of messages.
fn sizes_of(frame: &Frame) -> Option<(u64, Vec<usize>)> {
    match frame {
        Frame::Text(text) => {
            let (first, messages) = decode_text(text).ok()?;
            Some((first, messages.map(str::len).collect()))
        }
        Frame::Binary(bytes) => match FromClient::decode(bytes) {
            Ok(FromClient::Batch(batch)) => Some((batch.first, batch.parts().map(|part| part.bytes.len()).collect())),
            _ => None,
        },
    }
}

/// What is held and waits, checked against its bounds.
#[derive(Default)]
struct Held {
    arrived: VecDeque<usize>,
    inbox: VecDeque<usize>,
    outbox: usize,
    /// Ever.
    delivered: usize,
}

impl Held {
    fn deliver(&mut self, count: usize) -> Result<(), String> {
        for _ in 0..count {
            let size = self.arrived.pop_front().ok_or("more is delivered than arrived")?;
            self.inbox.push_back(size);
            self.delivered += 1;
        }
        let positions: u64 = self.inbox.iter().map(|&size| span(size)).sum();
        if positions > WINDOW + span(MAX_MESSAGE) - 1 {
            return Err(format!("{positions} positions are held"));
        }
        Ok(())
    }

    fn discard(&mut self, count: usize) -> Result<(), String> {
        if count > self.arrived.len() {
            return Err("more is discarded than arrived".into());
        }
        self.arrived.drain(..count);
        Ok(())
    }

    fn release(&mut self, count: usize) -> Result<(), String> {
        let left = self.outbox.checked_sub(count);
        self.outbox = left.ok_or("more is released than was sent")?;
        Ok(())
    }

    fn check(&self, messages: usize) -> Result<(), String> {
        if !self.arrived.is_empty() {
            return Err("messages are neither delivered nor discarded".into());
        }
        if self.outbox != messages || self.outbox > OUTBOX {
            return Err(format!(
                "{} messages are kept, and the session keeps {messages}",
                self.outbox
            ));
        }
        Ok(())
    }
}

/// A server hears all of this. How many messages it delivers; an error says what it does wrong.
pub(crate) fn server_hears(said: &[Frame]) -> Result<usize, String> {
    let settings = Settings {
        window: WINDOW,
        max_message: MAX_MESSAGE as u64,
        outbox_messages: OUTBOX,
        heartbeat: Duration::from_millis(50),
        ..Settings::default()
    };
    let mut half: Option<Server> = None;
    let mut held = Held::default();
    let mut link = 1;
    for (index, frame) in said.iter().enumerate() {
        let now = Time::from_millis(1_000 + 10 * index as u64);
        let Some(server) = &mut half else {
            if let Frame::Binary(bytes) = frame
                && let Ok(FromClient::Hello(hello)) = FromClient::decode(bytes)
            {
                half = Some(Server::new(settings, &hello, String::new(), link, now).0);
            }
            continue;
        };
        if let Some((first, sizes)) = sizes_of(frame) {
            held.arrived.extend(&sizes);
            server.batch(link, first, &sizes, now);
        } else {
            match frame {
                Frame::Text(_) => server.fail(link, Fault::Malformed),
                Frame::Binary(bytes) => match FromClient::decode(bytes) {
                    Ok(FromClient::Control(control)) => server.control(link, control, now),
                    // As from a new connection.
                    Ok(FromClient::Hello(hello)) => {
                        if server.resume(&hello, link + 1, now).is_ok() {
                            link += 1;
                        }
                    }
                    _ => server.fail(link, Fault::Malformed),
                },
            }
        }
        if index % 2 == 0 && server.admits(9) == Admission::Accept {
            server.send(9);
            held.outbox += 1;
        }
        if index % 3 == 0 {
            let count = held.inbox.len().min(2);
            held.inbox.drain(..count);
            server.take(count, now);
        }
        if server.deadline().is_some_and(|deadline| deadline <= now) {
            server.timer(now);
        }
        loop {
            while let Some(output) = server.poll() {
                match output {
                    session::Output::Deliver(count) => held.deliver(count)?,
                    session::Output::Discard(count) => held.discard(count)?,
                    session::Output::Release(count) => held.release(count)?,
                    session::Output::Drop { .. } | session::Output::Tell(_) => {}
                }
            }
            if server.next_frame(link, now).is_none() {
                break;
            }
        }
        held.check(server.outbox().messages)?;
        if server.inbox().messages != held.inbox.len() {
            return Err("the two inboxes differ".into());
        }
    }
    Ok(held.delivered)
}

/// A client hears all of this, on one connection after the other. How many messages it delivers; an error says what it does
/// wrong.
pub(crate) fn client_hears(said: &[Frame]) -> Result<usize, String> {
    let mut config = Config::new();
    config.durable = Some(Durable::default());
    config.outbox = Outbox {
        messages: OUTBOX,
        ..Outbox::default()
    };
    config.inbox = Inbox {
        messages: WINDOW as usize,
        bytes: MAX_MESSAGE,
        ..Inbox::default()
    };
    let mut machine = Connection::new(config, 1);
    let mut held = Held::default();
    machine.handle(Input::Connect, Time::default());
    carry_out(&mut machine, &mut held, Time::default())?;
    for (index, frame) in said.iter().enumerate() {
        let now = Time::from_millis(1_000 + 400 * index as u64);
        let generation = machine.generation();
        if let Some((first, sizes)) = sizes_of(frame) {
            held.arrived.extend(&sizes);
            machine.batch(generation, first, &sizes, now);
        } else {
            match frame {
                Frame::Text(_) => machine.handle(Input::Malformed(generation), now),
                Frame::Binary(bytes) => {
                    if machine.frame(generation, bytes, now).is_some() {
                        return Err("a batch that is none".into());
                    }
                }
            }
        }
        carry_out(&mut machine, &mut held, now)?;
        if machine.admits(9) == Admission::Accept {
            held.outbox += 1;
            machine.handle(Input::Send { size: 9 }, now);
        }
        if index % 3 == 0 {
            let count = held.inbox.len().min(2);
            held.inbox.drain(..count);
            machine.handle(Input::Taken { count: count as u64 }, now);
        }
        machine.handle(Input::Timer, now);
        machine.handle(Input::TurnEnded, now);
        carry_out(&mut machine, &mut held, now)?;
        if machine.inbox().messages != held.inbox.len() {
            return Err("the two inboxes differ".into());
        }
        if machine.state() == State::Closed {
            return Ok(held.delivered);
        }
    }
    Ok(held.delivered)
}

fn carry_out(machine: &mut Connection, held: &mut Held, now: Time) -> Result<(), String> {
    while let Some(output) = machine.poll() {
        match output {
            Output::Open(generation) => machine.handle(Input::Opened(generation), now),
            Output::Deliver { count } => held.deliver(count)?,
            Output::Discard { count } => held.discard(count)?,
            Output::Release { count } => held.release(count as usize)?,
            Output::Measure => machine.handle(Input::Buffered(0), now),
            Output::Tell(tautline::proto::Event::SessionLost {
                unknown,
                returned: true,
            }) => held.release(unknown)?,
            Output::Tell(tautline::proto::Event::Closed { .. }) => held.outbox = 0,
            _ => {}
        }
    }
    held.check(machine.outbox().messages)
}

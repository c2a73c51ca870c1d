//! The client's application, with its two queues of messages.

use std::collections::VecDeque;
use std::time::Duration;

use tautline::proto::{
    Admission, Config, ConnectTimeout, Connection, Durable, Inbox, Input, Outbox, Reconnect, State, Time,
};
use tautline::session::span;

use super::ledger::Process;
use super::message::Message;
use super::setup::{Sabotage, Setup};
use super::world::{What, World};

/// One process of a client, with what it knows.
pub(crate) struct Face {
    pub(crate) process: Process,
    pub(crate) machine: Connection,
    /// The session it has; 0: none.
    pub(crate) token: u64,
    /// The one that the latest WELCOME named.
    pub(crate) welcomed: u64,
    /// A session was lost, and the new one is not yet told.
    lost: bool,
    /// The application has closed it.
    pub(crate) closes: bool,
    /// Its connection, if it has one that it has not given up.
    pub(crate) wire: Option<usize>,
    /// When the socket was last given something, and how many packets at that instant.
    pub(crate) pushed: (Time, usize),
    pub(crate) outbox: VecDeque<Message>,
    /// The number of the oldest one in there.
    pub(crate) oldest: u64,
    pub(crate) arrivals: VecDeque<Message>,
    /// With the session in which each arrived.
    inbox: VecDeque<(u64, Message)>,
    /// So many of them the machine was told are taken.
    told_taken: usize,
    /// The number of the timer that is armed.
    pub(crate) timer: u64,
}

impl Face {
    pub(crate) fn new(process: Process, setup: &Setup, seed: u64, timer: u64) -> Self {
        Self {
            process,
            machine: Connection::new(config(setup), seed),
            token: 0,
            welcomed: 0,
            lost: false,
            closes: false,
            wire: None,
            pushed: (Time::default(), 0),
            outbox: VecDeque::new(),
            oldest: 1,
            arrivals: VecDeque::new(),
            inbox: VecDeque::new(),
            told_taken: 0,
            timer,
        }
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.machine.state() == State::Closed
    }

    /// Whether nothing waits to be taken.
    pub(crate) fn has_taken_all(&self) -> bool {
        self.inbox.is_empty()
    }
}

fn config(setup: &Setup) -> Config {
    let mut durable = Durable::new(Vec::new());
    durable.on_session_lost = setup.on_lost;
    let window = setup.granted(setup.window) as usize;
    let mut config = Config::new();
    config.durable = Some(durable);
    config.reconnect = Some(Reconnect {
        max_delay: Duration::from_secs(3),
        ..Reconnect::default()
    });
    config.connect_timeout = ConnectTimeout(setup.connect_timeout);
    config.outbox = Outbox {
        messages: setup.client_outbox,
        ..Outbox::default()
    };
    config.inbox = Inbox {
        messages: window,
        // The window is the smaller of the two.
        bytes: (window * 4096).max(1 << 20),
        ..Inbox::default()
    };
    config
}

impl World {
    pub(crate) fn client_sends(&mut self) {
        let number = self.ledger.next_up(self.face.process);
        let message = Message::new(&self.setup.sizes, self.face.process as u64, number);
        let size = message.bytes.len();
        if self.face.machine.admits(size) == Admission::Accept {
            self.ledger.accepted_up(self.face.process);
            self.face.outbox.push_back(message);
            self.client_feeds(Input::Send { size });
        }
    }

    /// Messages arrived in order.
    pub(crate) fn client_gets(&mut self, count: usize) {
        let token = self.face.token;
        let arrived = self.face.arrivals.drain(..count);
        self.face.inbox.extend(arrived.map(|message| (token, message)));
        if self.setup.is_without(Sabotage::ClientTakesOnArrival) {
            let count = count as u64;
            self.face.machine.handle(Input::Taken { count }, self.now);
            self.face.told_taken += count as usize;
        }
        if self.calm || self.random.one_in(2) {
            self.soon(What::ClientTakes(self.face.process));
        }
    }

    /// The application takes what waits, or a part of it.
    pub(crate) fn client_takes(&mut self) {
        let most = 1 + self.random.below(4);
        for _ in 0..most {
            let Some((token, message)) = self.face.inbox.pop_front() else {
                break;
            };
            let number = self.ledger.taken_down(token);
            if message != Message::new(&self.setup.sizes, down_line(token), number) {
                self.ledger.violate(format!(
                    "the client takes another message than {number} of session {token}"
                ));
            }
            if self.face.told_taken > 0 {
                self.face.told_taken -= 1;
            } else {
                self.client_feeds(Input::Taken { count: 1 });
            }
        }
        if self.calm && !self.face.inbox.is_empty() {
            self.at(self.now, What::ClientTakes(self.face.process));
        }
    }

    pub(crate) fn client_closes(&mut self, timeout: Duration) {
        self.say(|| format!("the client closes within {timeout:?}"));
        self.face.closes = true;
        self.client_feeds(Input::Close {
            code: 1000,
            reason: "done".into(),
            timeout,
        });
    }

    /// The process is gone, or has ended, and another one begins.
    pub(crate) fn client_begins_again(&mut self) {
        if !self.face.is_ended() {
            self.say(|| "the client dies".into());
            self.ledger.client_died(self.face.process);
        }
        for wire in 0..self.wires.len() {
            if self.wires[wire].process == self.face.process && !self.wires[wire].up.is_silent() {
                self.cut(wire);
            }
        }
        let process = self.ledger.client_begins();
        let seed = self.random.next();
        self.face = Face::new(process, &self.setup, seed, self.face.timer + 1);
        self.client_feeds(Input::Connect);
    }

    // The session

    pub(crate) fn client_begins_session(&mut self) {
        if !std::mem::take(&mut self.face.lost) {
            self.face.token = self.face.welcomed;
            self.ledger.greeted(self.face.process, self.face.token, None, false);
        }
    }

    /// The application hears that the session is lost, and gets back what nobody knows the outcome of.
    pub(crate) fn client_loses_session(&mut self, unknown: usize, returned: bool) {
        let old = self.face.token;
        self.face.token = self.face.welcomed;
        self.face.lost = true;
        let lost = (!self.setup.is_without(Sabotage::LoseInSilence)).then_some((old, unknown));
        if returned {
            self.drop_oldest(unknown);
        }
        self.ledger.greeted(self.face.process, self.face.token, lost, !returned);
    }

    pub(crate) fn drop_oldest(&mut self, count: usize) {
        self.face.outbox.drain(..count);
        self.face.oldest += count as u64;
    }

    /// What waits to be taken is bounded.
    pub(crate) fn check_client(&mut self) {
        let sizes = self.face.inbox.iter().map(|(_, message)| message.bytes.len());
        let held: u64 = sizes.map(span).sum();
        let most = self.setup.window + self.setup.largest_span() - 1;
        if held > most {
            self.ledger
                .violate(format!("the client holds {held} positions, and may {most}"));
        }
        if !self.face.arrivals.is_empty() {
            self.ledger.violate("messages are neither delivered nor discarded");
        }
        let kept = self.face.machine.outbox().messages;
        if kept != self.face.outbox.len() || kept > self.setup.client_outbox {
            self.ledger
                .violate("the client keeps more than it may, or the two outboxes differ");
        }
    }
}

/// What the server sends in a session has a line of its own, which no client has.
pub(crate) fn down_line(token: u64) -> u64 {
    1000 + token
}

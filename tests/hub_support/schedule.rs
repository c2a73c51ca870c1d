//! A schedule: random steps of several clients and random trouble from a seed, then calm, in which everything has to come
//! right, and then the end of all, which has to leave nothing.

use std::time::Duration;

use tautline::hub::{Quotas, Rules};
use tautline::proto::{Input, OnSessionLost, Signal, State};

use super::random::Random;
use super::runs::Outcome;
use super::setup::Setup;
use super::world::{What, World};

/// After the last trouble everything is where it belongs within this time: a dead link is noticed within twice the heartbeat and
/// the probe, the session of a client that is gone keeps its place for a minute at most, an attempt that came to nothing takes
/// ten seconds, and a retry at most three.
const PATIENCE: Duration = Duration::from_secs(150);
/// How long the end of all may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// Runs the schedule of a seed.
pub(crate) fn run(seed: u64, verbose: bool) -> Outcome {
    let mut random = Random::new(seed);
    let setup = Setup::new(&mut random, None);
    let clients = 1 + random.below(5);
    let rules = rules(&mut random, &setup, clients);
    if verbose {
        println!("{setup:#?}\n{rules:#?}");
    }
    let steps = 20 + random.below(40) * clients;
    let mut world = World::new(random, setup, rules, clients, verbose);
    for _ in 0..steps {
        world.takes_a_step();
        if world.ledger.violation.is_some() {
            break;
        }
    }
    world.heals();
    world.ends();
    Outcome {
        violation: world.ledger.violation,
        counts: world.ledger.counts,
    }
}

fn rules(random: &mut Random, setup: &Setup, clients: u64) -> Rules {
    Rules {
        settings: setup.nodes[0],
        close_timeout: Duration::from_millis(random.pick(&[0, 300, 5_000])),
        quotas: Quotas {
            sessions: random.pick(&[10_000, clients as usize + 2, clients as usize]),
            per_address: random.pick(&[usize::MAX, usize::MAX, 2]),
            per_principal: random.pick(&[usize::MAX, usize::MAX, 4]),
        },
        max_held_bytes: random.pick(&[u64::MAX, 10_000, 500]),
        max_detached_bytes: random.pick(&[u64::MAX, u64::MAX, 10_000, 300]),
        ..Rules::default()
    }
}

impl World {
    fn takes_a_step(&mut self) {
        self.turn_to_any();
        if self.random.below(1000) < self.setup.trouble {
            self.has_trouble();
        } else {
            self.goes_on();
        }
        let most = self.setup.pause.as_micros() as u64;
        let pause = match self.random.below(8) {
            // In the same turn of the server's event loop, perhaps.
            0..2 => 0,
            2..5 => self.random.below(most / 10 + 1),
            5..7 => self.random.below(most + 1),
            _ => self.random.below(most * 5 + 1),
        };
        self.run_until(self.now + Duration::from_micros(pause));
    }

    /// What applications do.
    fn goes_on(&mut self) {
        match self.random.below(10) {
            0..4 => {
                for _ in 0..=self.random.below(6) {
                    self.client_sends();
                }
            }
            4..6 => self.client_takes(),
            6..8 => {
                let token = self.some_session();
                for _ in 0..=self.random.below(6) {
                    self.server_sends(token);
                }
            }
            _ => {
                let token = self.some_session();
                self.server_takes(token, 4);
            }
        }
    }

    /// What goes wrong, or ends.
    fn has_trouble(&mut self) {
        let timeout = Duration::from_millis(self.random.pick(&[0, 300, 5_000]));
        match self.random.below(40) {
            0..9 => self.breaks(Self::cut),
            9..15 => self.breaks(Self::stall),
            15..21 => self.breaks(Self::silence),
            21 => self.hub_forgets(),
            22 => self.hub_dies(),
            23..27 => {
                let token = self.some_session();
                self.thief_comes(token);
            }
            27..30 => self.client_begins_again(),
            30 if self.random.one_in(4) => self.client_feeds(Input::Abort),
            31 if self.random.one_in(4) => self.page(Signal::Unloaded),
            30..32 => self.client_closes(timeout),
            32..34 => {
                let token = self.some_session();
                self.server_says_goodbye(token);
            }
            34 => {
                let token = self.some_session();
                self.server_terminates(token);
            }
            35..37 => {
                let signal = self
                    .random
                    .pick(&[Signal::Left, Signal::Offline, Signal::Woke, Signal::Visible]);
                self.page(signal);
                let at = self.now + timeout;
                self.at(at, What::PageReturns(self.face.process));
            }
            _ => {
                let pause = self.rules.settings.resume.mul_f64(0.8);
                self.breaks(Self::cut);
                self.run_until(self.now + pause);
            }
        }
        self.turn_to_any();
        if self.face.is_ended() && self.random.one_in(2) {
            self.client_begins_again();
        }
    }

    /// Trouble for a connection: mostly one of the latest.
    fn breaks(&mut self, trouble: impl Fn(&mut Self, usize)) {
        let count = self.wires.len() as u64;
        let back = if self.random.one_in(4) { 12 } else { 4 };
        let back = self.random.below(back).min(count - 1);
        trouble(self, (count - 1 - back) as usize);
    }

    /// The number of a session's token; 0 where there is none.
    fn some_session(&mut self) -> u64 {
        // Now and then one that has ended.
        if self.tokens > 0 && self.random.one_in(10) {
            return 1 + self.random.below(self.tokens);
        }
        let tokens: Vec<_> = self.books.keys().copied().collect();
        if tokens.is_empty() {
            0
        } else {
            self.random.pick(&tokens)
        }
    }

    /// Nothing goes wrong any more: everything has to come right by itself.
    fn heals(&mut self) {
        if self.ledger.violation.is_some() {
            return;
        }
        self.say(|| "calm".into());
        self.calm = true;
        // Nobody but the network itself notices a link that is silent, or that its client has given up, where the two have agreed
        // on no heartbeat.
        if self.rules.settings.heartbeat.is_zero() {
            for wire in 0..self.wires.len() {
                let is_silent = self.wires[wire].up.is_silent() || self.wires[wire].down.is_silent();
                let is_held = self.faces().any(|face| face.wire == Some(wire));
                if is_silent || (self.link_of.contains_key(&wire) && !is_held) {
                    self.cut(wire);
                }
            }
        }
        self.hub_timer_is_on_time();
        for process in self.processes() {
            self.page_returns_to(process);
        }
        for token in self.books.keys().copied().collect::<Vec<_>>() {
            self.server_takes(token, 4);
        }
        let end = self.now + PATIENCE;
        while self.ledger.violation.is_none() && !self.is_quiet() {
            if !self.step(end) {
                let left = self.what_is_left();
                self.ledger.violate(format!("not everything comes right: {left}"));
            }
        }
        for process in self.processes() {
            self.ledger.settle(process, self.setup.on_lost == OnSessionLost::Resend);
        }
    }

    fn page_returns_to(&mut self, process: usize) {
        self.turn_to(process);
        self.page_returns(process);
        self.client_takes();
    }

    fn is_quiet(&self) -> bool {
        self.faces().all(|face| {
            let is_done = || {
                face.machine.state() == State::Open
                    && !face.machine.has_outbox()
                    && self.ledger.owed_up(face.process).is_none()
                    && !self.ledger.owed_down(face.token)
                    && self.is_session_quiet(face.token)
            };
            face.has_taken_all() && (face.is_ended() || is_done())
        })
    }

    fn what_is_left(&self) -> String {
        if self.verbose {
            println!("{:#?}", self.driver.hub);
        }
        let mut words = String::new();
        for face in self.faces() {
            words += &format!(
                "client {} is {}, its message {:?} is not accounted for, messages for it are not taken: {}, session {} is \
                 quiet: {}; ",
                face.process,
                face.machine.state().as_str(),
                self.ledger.owed_up(face.process),
                self.ledger.owed_down(face.token),
                face.token,
                self.is_session_quiet(face.token)
            );
        }
        words
    }

    /// The server ends all sessions, or all clients are gone: either way nothing is left.
    fn ends(&mut self) {
        if self.ledger.violation.is_some() {
            return;
        }
        let patience = if self.random.one_in(2) {
            self.say(|| "the server ends".into());
            self.hub_says_goodbye(GOODBYE);
            GOODBYE + Duration::from_secs(5)
        } else {
            self.say(|| "the clients go".into());
            for wire in 0..self.wires.len() {
                self.cut(wire);
            }
            for process in self.processes() {
                self.turn_to(process);
                self.client_feeds(Input::Abort);
            }
            self.rules.settings.resume + Duration::from_secs(20)
        };
        let end = self.now + patience;
        let is_over = |world: &Self| world.driver.hub.stats().sessions == 0 && world.driver.links.is_empty();
        while self.ledger.violation.is_none() && !is_over(self) {
            if !self.step(end) {
                let left = format!("{:?}", self.driver.hub.stats());
                self.ledger.violate(format!("not everything ends: {left}"));
            }
        }
        if self.ledger.violation.is_none() && self.driver.hub.deadline().is_some() {
            self.ledger.violate("nothing is left, and something is due");
        }
    }
}

//! A schedule: random steps and random trouble from a seed, then calm, in which everything has to come right.

use std::time::Duration;

use tautline::proto::{Input, OnSessionLost, Signal, State};

use super::network::ServerEnd;
use super::random::Random;
use super::runs::Outcome;
use super::setup::{Sabotage, Setup};
use super::world::{What, World};

/// After the last trouble everything is where it belongs within this time: a dead link is noticed within twice the
/// heartbeat and the probe, an attempt that came to nothing takes ten seconds, and a retry at most three.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the schedule of a seed.
pub(crate) fn run(seed: u64, sabotage: Option<Sabotage>, verbose: bool) -> Outcome {
    let mut random = Random::new(seed);
    let setup = Setup::new(&mut random, sabotage);
    if verbose {
        println!("{setup:#?}");
    }
    let steps = 20 + random.below(60);
    let mut world = World::new(random, setup, verbose);
    for _ in 0..steps {
        world.takes_a_step();
        if world.ledger.violation.is_some() {
            break;
        }
    }
    world.heals();
    Outcome {
        violation: world.ledger.violation,
        counts: world.ledger.counts,
    }
}

impl World {
    fn takes_a_step(&mut self) {
        if self.random.below(1000) < self.setup.trouble {
            self.has_trouble();
        } else {
            self.goes_on();
        }
        let most = self.setup.pause.as_micros() as u64;
        let pause = match self.random.below(8) {
            0..5 => self.random.below(most / 10 + 1),
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
                let Some((node, token)) = self.some_session() else {
                    return;
                };
                for _ in 0..=self.random.below(6) {
                    self.server_sends(node, token);
                }
            }
            _ => {
                if let Some((node, token)) = self.some_session() {
                    self.server_takes(node, token, 4);
                }
            }
        }
    }

    /// What goes wrong, or ends.
    fn has_trouble(&mut self) {
        let timeout = Duration::from_millis(self.random.pick(&[0, 300, 5_000]));
        match self.random.below(40) {
            0..9 => self.breaks(Self::cut),
            9..14 => self.breaks(Self::stall),
            14..20 => self.breaks(Self::silence),
            20..28 => {
                let node = self.random.below(self.nodes.len() as u64) as usize;
                let pause = Duration::from_millis(self.random.below(2_000));
                if self.setup.persistent {
                    self.node_dies(node, pause);
                } else {
                    self.all_is_lost(pause);
                }
            }
            28..30 => {
                let node = self.random.below(self.nodes.len() as u64) as usize;
                self.nodes[node].is_cut_off = true;
                let at = self.now + timeout;
                self.at(at, What::StoreAnswers(node));
            }
            30..32 => self.client_begins_again(),
            32 if self.random.one_in(4) => self.client_feeds(Input::Abort),
            33 if self.random.one_in(4) => self.page(Signal::Unloaded),
            32..34 => self.client_closes(timeout),
            34..36 => {
                if let Some((node, token)) = self.some_session() {
                    self.server_says_goodbye(node, token, timeout);
                }
            }
            36 => self.all_is_lost(timeout),
            37 => {
                let signal = self
                    .random
                    .pick(&[Signal::Left, Signal::Offline, Signal::Woke, Signal::Visible]);
                self.page(signal);
                let at = self.now + timeout;
                self.at(at, What::PageReturns(self.face.process));
            }
            _ => {
                let pause = self.setup.nodes[0].resume.mul_f64(0.8);
                self.breaks(Self::cut);
                self.run_until(self.now + pause);
            }
        }
        if self.face.is_ended() && self.random.one_in(2) {
            self.client_begins_again();
        }
    }

    /// Trouble for a connection: mostly the latest.
    fn breaks(&mut self, trouble: impl Fn(&mut Self, usize)) {
        let Some(last) = self.wires.len().checked_sub(1) else {
            return;
        };
        let back = if self.random.one_in(4) { self.random.below(4) } else { 0 } as usize;
        trouble(self, last.saturating_sub(back));
    }

    fn some_session(&mut self) -> Option<(usize, u64)> {
        let all = self.all_sessions();
        if all.is_empty() {
            return None;
        }
        // Mostly a late one, on any node.
        let range = if self.random.one_in(4) { all.len() as u64 } else { 2 };
        let back = self.random.below(range);
        let latest = all.iter().map(|&(_, token)| token).max()?;
        let wanted = latest.saturating_sub(back);
        let held: Vec<_> = all.iter().filter(|&&(_, token)| token == wanted).copied().collect();
        (!held.is_empty()).then(|| self.random.pick(&held))
    }

    /// Nothing goes wrong any more: everything has to come right by itself.
    fn heals(&mut self) {
        if self.ledger.violation.is_some() {
            return;
        }
        self.say(|| "calm".into());
        self.calm = true;
        for node in &mut self.nodes {
            node.is_cut_off = false;
        }
        // Nobody but the network itself notices a silent link where the two have agreed on no heartbeat.
        if self.setup.nodes[0].heartbeat.is_zero() {
            for wire in 0..self.wires.len() {
                if self.wires[wire].up.is_silent() || self.wires[wire].down.is_silent() {
                    self.cut(wire);
                }
            }
        }
        self.page_returns(self.face.process);
        self.everybody_takes();
        let end = self.now + PATIENCE;
        while self.ledger.violation.is_none() && !self.is_quiet() {
            if !self.step(end) {
                let left = self.what_is_left();
                self.ledger.violate(format!("not everything comes right: {left}"));
            }
        }
        self.ledger
            .settle(self.face.process, self.setup.on_lost == OnSessionLost::Resend);
    }

    fn everybody_takes(&mut self) {
        self.client_takes();
        for (node, token) in self.all_sessions() {
            self.server_takes(node, token, 4);
        }
    }

    fn is_quiet(&self) -> bool {
        let face = &self.face;
        if !face.has_taken_all() {
            return false;
        }
        face.is_ended()
            || (face.machine.state() == State::Open
                && !face.machine.has_outbox()
                && self.ledger.owed_up(face.process).is_none()
                && !self.ledger.owed_down(face.token)
                && self.is_session_quiet(face.token))
    }

    fn what_is_left(&self) -> String {
        let face = &self.face;
        if self.verbose {
            println!("{:#?}", self.nodes);
            println!("{:#?}", self.store);
        }
        let wires = self
            .wires
            .iter()
            .filter(|wire| !matches!(wire.server, ServerEnd::Gone))
            .count();
        format!(
            "the client is {}, its message {:?} is not accounted for, messages for it are not taken: {}, session {} is \
             quiet: {}, {wires} connections",
            face.machine.state().as_str(),
            self.ledger.owed_up(face.process),
            self.ledger.owed_down(face.token),
            face.token,
            self.is_session_quiet(face.token)
        )
    }
}

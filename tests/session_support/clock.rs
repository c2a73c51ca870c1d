//! The clock of a world, and what is going to happen when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tautline::proto::Time;

use super::world::{What, World};

/// All that is going to happen, the next first.
pub(crate) type Events = BinaryHeap<Reverse<Event>>;

/// Something that is going to happen. At the same instant chance decides on the order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Event {
    at: Time,
    tie: u64,
    what: What,
}

impl World {
    pub(crate) fn say(&self, what: impl FnOnce() -> String) {
        if self.verbose {
            println!("{:>12} {}", self.now.as_micros() - 1_000_000_000, what());
        }
    }

    // Time

    pub(crate) fn at(&mut self, at: Time, what: What) {
        let tie = self.random.next();
        self.events.push(Reverse(Event { at, tie, what }));
    }

    pub(crate) fn soon(&mut self, what: What) {
        let at = self.now + self.delay();
        self.at(at, what);
    }

    /// When a timer for this deadline fires.
    pub(crate) fn fires(&mut self, deadline: Time) -> Time {
        let late = if self.calm {
            0
        } else if self.random.one_in(self.setup.late_timers) {
            self.random.pick(&[1_000, 300_000, 1_500_000, 20_000_000])
        } else {
            self.random.below(1_000)
        };
        deadline.max(self.now) + Duration::from_micros(late)
    }

    /// Lets everything happen that happens until then.
    pub(crate) fn run_until(&mut self, end: Time) {
        while self.ledger.violation.is_none() && self.step(end) {}
        self.now = self.now.max(end);
    }

    /// Lets the next thing happen, if it does by then.
    pub(crate) fn step(&mut self, end: Time) -> bool {
        if self.events.peek().is_none_or(|Reverse(event)| event.at > end) {
            return false;
        }
        let Some(Reverse(event)) = self.events.pop() else {
            return false;
        };
        self.now = self.now.max(event.at);
        self.happen(event.what);
        true
    }
}

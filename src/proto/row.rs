//! Messages of a plain WebSocket that arrive near to each other: whoever takes them is woken once for all of them, when the
//! turn of the event loop ends, which costs a tenth less than once for each. One that is alone does not wait.

use core::time::Duration;

use super::Time;

/// Messages of a row are no further apart. Less than any round trip, where the clock can tell.
const NEAR: Duration = Duration::from_micros(50);
/// So soon after a row the next one begins.
const FLOW: Duration = Duration::from_millis(1);
/// So many that are near to each other make a row.
const ENOUGH: u32 = 3;
/// And so many at most, where rows were in vain: many seem to be near where a clock is coarse.
const MOST_ENOUGH: u32 = 64;
/// So many wait, and so many bytes, and are woken for at the latest.
const MOST: u32 = 64;
const MOST_BYTES: usize = 64 * 1024;

/// Says which messages wait for the end of the turn. The driver asks the browser for it, and knows when it has come.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What comes before then is near to what came last.
    near_until: Time,
    /// How many came near to each other, and how many make a row.
    near: u32,
    enough: u32,
    /// How many came since it began; 0 where there is none.
    count: u32,
    /// Of those that wait how many there are, and their bytes.
    waiting: u32,
    bytes: usize,
}

impl Default for Row {
    fn default() -> Self {
        Self {
            near_until: Time::default(),
            near: 0,
            enough: ENOUGH,
            count: 0,
            waiting: 0,
            bytes: 0,
        }
    }
}

impl Row {
    /// Whether there is one, and with it the end of a turn that was asked for.
    pub const fn is_open(&self) -> bool {
        self.count > 0
    }

    /// A message has come while there is none. Whether one is to begin with it.
    pub fn begins(&mut self, now: Time) -> bool {
        self.near = if now < self.near_until { self.near + 1 } else { 1 };
        self.near_until = now + NEAR;
        self.near >= self.enough
    }

    /// A message of so many bytes is one of the row. Whether it waits; otherwise all that wait are woken for.
    pub const fn joins(&mut self, size: usize) -> bool {
        self.count = self.count.saturating_add(1);
        self.waiting += 1;
        self.bytes = self.bytes.saturating_add(size);
        let waits = self.waiting < MOST && self.bytes < MOST_BYTES;
        if !waits {
            self.waiting = 0;
            self.bytes = 0;
        }
        waits
    }

    /// The turn has ended.
    pub fn end(&mut self, now: Time) {
        if self.count > 1 {
            self.enough = ENOUGH;
            self.near = ENOUGH;
            self.near_until = now + FLOW;
        } else {
            // Waiting was in vain.
            self.enough = (2 * self.enough).min(MOST_ENOUGH);
            self.near = 0;
        }
        self.count = 0;
        self.waiting = 0;
        self.bytes = 0;
    }
}

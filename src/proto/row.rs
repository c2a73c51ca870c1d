//! Messages of a plain WebSocket that arrive closely behind each other: whoever takes them is woken once for all of them, when the
//! turn of the event loop ends, which costs a tenth less than once for each. One that is alone does not wait.

use core::time::Duration;

use super::Time;

/// Messages of a row are no further apart. Less than any round trip.
const CLOSE: Duration = Duration::from_micros(50);
/// So soon after a row the next one begins.
const FLOW: Duration = Duration::from_millis(1);
/// So many that are close to each other make a row.
const ENOUGH: u32 = 3;
/// So many wait, and are woken for at the latest.
const MOST: u32 = 64;

/// Says which messages wait for the end of the turn. The driver asks the browser for it, and knows when it has come.
#[derive(Debug, Default)]
pub struct Row {
    /// What comes before then is close to what came last.
    close_until: Time,
    /// How many came closely behind each other.
    close: u32,
    /// How many came since it began; 0 where there is none.
    count: u32,
}

impl Row {
    /// Whether there is one, and with it the end of a turn that was asked for.
    pub const fn is_open(&self) -> bool {
        self.count > 0
    }

    /// A message has come while there is none. Whether one is to begin with it.
    pub fn begins(&mut self, now: Time) -> bool {
        self.close = if now < self.close_until { self.close + 1 } else { 1 };
        self.close_until = now + CLOSE;
        self.close >= ENOUGH
    }

    /// The message is one of the row. Whether it waits.
    pub const fn joins(&mut self) -> bool {
        self.count += 1;
        !self.count.is_multiple_of(MOST)
    }

    /// The turn has ended.
    pub fn end(&mut self, now: Time) {
        if self.count > 1 {
            self.close_until = now + FLOW;
        } else {
            // Waiting was in vain.
            self.close = 0;
        }
        self.count = 0;
    }
}

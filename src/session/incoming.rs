//! The direction in which this end receives: what it holds, what its application has taken of it, and what the other end has
//! to be told of that.

use alloc::collections::VecDeque;
use core::time::Duration;

use super::fault::Fault;
use super::span;
use crate::proto::{Load, Time};

/// How long the other end waits at most to hear of something that was taken. The protocol allows 200 ms.
const ACK_DELAY: Duration = Duration::from_millis(25);
/// So long before it is due it goes beside a frame that leaves anyway, which costs neither end a wake-up.
pub(crate) const ACK_BESIDE: Duration = Duration::from_micros(ACK_DELAY.as_micros() as u64 / 2);
/// After so many positions it hears sooner: its outbox may be small.
const ACK_POSITIONS: u64 = 256;

/// Messages that arrived and are not yet taken, by size, the oldest first.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// In positions.
    window: u64,
    max_message: u64,
    sizes: VecDeque<usize>,
    bytes: usize,
    /// The last position of the last message held.
    held: u64,
    /// The last position of the last message taken.
    taken: u64,
    /// What the other end was told.
    told: u64,
    granted: u64,
    /// Messages of an earlier session that are not taken, the oldest of all, and their positions.
    carried: usize,
    carried_positions: u64,
    /// Something is to be told by then.
    due: Option<Time>,
}

impl Incoming {
    /// Nothing held. The window is in positions, the largest message in bytes.
    pub const fn new(window: u64, max_message: u64) -> Self {
        Self {
            window,
            max_message,
            sizes: VecDeque::new(),
            bytes: 0,
            held: 0,
            taken: 0,
            told: 0,
            granted: 0,
            carried: 0,
            carried_positions: 0,
            due: None,
        }
    }

    /// Where a session was, when nothing that it held is left.
    pub const fn restored(window: u64, max_message: u64, taken: u64, granted: u64) -> Self {
        let mut incoming = Self::new(window, max_message);
        incoming.held = taken;
        incoming.taken = taken;
        incoming.told = taken;
        incoming.granted = granted;
        incoming
    }

    /// Messages of these sizes arrived, one after the other from position `first` on. So many of them, the first ones, are
    /// duplicates; the rest is held.
    ///
    /// # Errors
    /// Where one is too big, misses a predecessor, or was not allowed. Nothing is held then.
    pub fn arrive(&mut self, first: u64, sizes: &[usize]) -> Result<usize, Fault> {
        let (mut position, mut held, mut duplicates) = (first, self.held, 0);
        for &size in sizes {
            if size as u64 > self.max_message {
                return Err(Fault::TooBig);
            }
            let next = position.saturating_add(span(size));
            if position <= held {
                duplicates += 1;
            } else if position > held + 1 {
                return Err(Fault::Gap);
            } else if position > self.granted {
                return Err(Fault::PastLimit);
            } else {
                held = next - 1;
            }
            position = next;
        }
        self.held = held;
        for &size in sizes.iter().skip(duplicates) {
            self.sizes.push_back(size);
            self.bytes = self.bytes.saturating_add(size);
        }
        Ok(duplicates)
    }

    /// The application has taken so many of the oldest.
    pub fn take(&mut self, count: usize, now: Time) {
        for _ in 0..count {
            let Some(size) = self.sizes.pop_front() else {
                return;
            };
            self.bytes -= size;
            if self.carried > 0 {
                self.carried -= 1;
                self.carried_positions -= span(size);
            } else {
                self.taken += span(size);
            }
        }
        if self.owes() {
            self.due.get_or_insert(now + ACK_DELAY);
        }
    }

    /// A new session, which begins at the first position. What is held and not taken is still the application's, and takes up
    /// room. `granted` is the limit that the other end was told of this session already, if it was.
    pub fn renew(&mut self, granted: Option<u64>) {
        self.carried = self.sizes.len();
        self.carried_positions = self.positions();
        self.held = 0;
        self.taken = 0;
        self.told = 0;
        self.granted = granted.unwrap_or_default();
        // An other end that was told nothing hears of the room first of all.
        self.due = granted.is_none().then(Time::default);
    }

    /// What an ACK, a HELLO or a WELCOME has to say: what is taken, and the limit. They count as told from now on.
    pub fn tell(&mut self) -> (u64, u64) {
        self.told = self.taken;
        self.granted = self.limit();
        self.due = None;
        (self.told, self.granted)
    }

    /// The limit of a session that begins now: what is held and not taken stays, and takes up room.
    pub fn limit_of_new(&self) -> u64 {
        self.window.saturating_sub(self.positions())
    }

    fn positions(&self) -> u64 {
        self.sizes.iter().map(|&size| span(size)).sum()
    }

    /// The highest position at which a message may begin. It never falls.
    pub fn limit(&self) -> u64 {
        (self.taken + self.window)
            .saturating_sub(self.carried_positions)
            .max(self.granted)
    }

    /// When an ACK is due: at once where that lies in the past.
    pub fn ack_due(&self) -> Option<Time> {
        let growth = self.growth();
        let stands_at_limit = self.held >= self.granted;
        if growth > 0 && (stands_at_limit || growth >= self.window / 2) {
            return Some(Time::default());
        }
        self.due
    }

    /// Whether it is settled when an ACK is due: what is taken from here on changes nothing about that.
    pub const fn is_timed(&self) -> bool {
        self.due.is_some()
    }

    /// Whether so much was taken that it had better be told before it is due.
    pub fn is_much(&self) -> bool {
        self.growth() >= ACK_POSITIONS
    }

    /// So many messages more may be taken and told all at once, and no ACK leaves later for it: one is to come by itself. Where
    /// the other end stands at its limit, that is so only once it is told.
    pub fn patience(&self) -> u64 {
        if self.due.is_none() {
            return 0;
        }
        let half = self.window / 2;
        let enough = if self.is_much() { half } else { half.min(ACK_POSITIONS) };
        // However they are spread over the messages, the bytes held make no more positions than this.
        enough.saturating_sub(self.growth() + span(self.bytes))
    }

    fn growth(&self) -> u64 {
        self.limit() - self.granted
    }

    /// Whether there is something that the other end was not told.
    pub fn owes(&self) -> bool {
        self.taken > self.told || self.limit() > self.granted
    }

    /// The last position of the last message taken.
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    /// The last position of the last message held.
    pub const fn held(&self) -> u64 {
        self.held
    }

    /// The limit that the other end was told.
    pub const fn granted(&self) -> u64 {
        self.granted
    }

    /// The largest message taken, in bytes.
    pub const fn max_message(&self) -> u64 {
        self.max_message
    }

    /// What is held and not taken.
    pub fn load(&self) -> Load {
        Load {
            messages: self.sizes.len(),
            bytes: self.bytes,
        }
    }
}

//! The direction in which this end sends: what it keeps until the other end's application has taken it, and how far it may
//! go.

use alloc::collections::VecDeque;

use super::fault::Fault;
use super::{FRAME_BYTES, span};
use crate::proto::Load;

/// What a message costs in a frame beside its bytes, at most.
const ENVELOPE: usize = 5;

/// Messages that were accepted and are not yet taken, by size, the oldest first.
#[derive(Clone, Debug)]
pub struct Outgoing {
    sizes: VecDeque<usize>,
    bytes: usize,
    /// The last position that was taken.
    taken: u64,
    /// The highest position at which a message may begin.
    limit: u64,
    /// How many of the messages ever went out, and the last position of the last of them.
    sent: usize,
    sent_to: u64,
    /// How many of them went out on this connection, and the position after them.
    cursor: usize,
    next: u64,
}

/// Messages that go out in one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// How many messages of the outbox stand before them.
    pub offset: usize,
    /// How many they are; at least one.
    pub count: usize,
    /// The position of the first.
    pub first: u64,
    /// Their bytes, all together.
    pub bytes: usize,
    /// How many of them never went out before.
    pub fresh: usize,
}

impl Default for Outgoing {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Outgoing {
    /// Nothing to send, up to a limit.
    pub const fn new(limit: u64) -> Self {
        Self {
            sizes: VecDeque::new(),
            bytes: 0,
            taken: 0,
            limit,
            sent: 0,
            sent_to: 0,
            cursor: 0,
            next: 1,
        }
    }

    /// As a store kept it: what was taken and how far it may go, what ever went out, and the sizes of the messages that are not
    /// taken, the oldest first.
    pub fn restored(taken: u64, limit: u64, sent_to: u64, sizes: impl IntoIterator<Item = usize>) -> Self {
        let mut outgoing = Self::new(limit);
        outgoing.taken = taken;
        outgoing.sent_to = sent_to;
        let mut end = taken;
        for size in sizes {
            end += span(size);
            outgoing.push(size);
            if end <= sent_to {
                outgoing.sent += 1;
            }
        }
        outgoing.rewind();
        outgoing
    }

    /// Accepts a message.
    pub fn push(&mut self, size: usize) {
        self.sizes.push_back(size);
        self.bytes = self.bytes.saturating_add(size);
    }

    /// The other end has taken everything up to a position, and lets messages begin up to another. How many messages that
    /// releases.
    ///
    /// # Errors
    /// [`Fault::BadAcknowledgement`] where that was never sent, or ends inside a message.
    pub fn acknowledge(&mut self, taken: u64, limit: u64) -> Result<usize, Fault> {
        if taken > self.sent_to {
            return Err(Fault::BadAcknowledgement);
        }
        let (mut count, mut end) = (0, self.taken);
        while end < taken {
            end += self.sizes.get(count).map_or(1, |&size| span(size));
            count += 1;
        }
        if end > taken && count > 0 {
            return Err(Fault::BadAcknowledgement);
        }
        self.taken = end;
        self.limit = self.limit.max(limit);
        self.next = self.next.max(end + 1);
        self.cursor = self.cursor.saturating_sub(count);
        self.forget(count);
        Ok(count)
    }

    /// A new connection of the same session: drops what was taken, and sends the rest again. How many messages that
    /// releases.
    ///
    /// # Errors
    /// [`Fault::BadAcknowledgement`] where the other end has forgotten what it had acknowledged, or made something up.
    pub fn resume(&mut self, taken: u64, limit: u64) -> Result<usize, Fault> {
        if taken < self.taken {
            return Err(Fault::BadAcknowledgement);
        }
        let released = self.acknowledge(taken, limit)?;
        self.rewind();
        Ok(released)
    }

    /// Whatever is not taken goes out again, on the next connection.
    pub fn rewind(&mut self) {
        self.cursor = 0;
        self.next = self.taken + 1;
    }

    /// A new session, which begins at the first position. What went out stays in the outbox; see [`drop_sent`](Self::drop_sent).
    pub fn renew(&mut self, limit: u64) {
        self.taken = 0;
        self.limit = limit;
        self.sent = 0;
        self.sent_to = 0;
        self.rewind();
    }

    /// Forgets the messages that went out and were not taken: nobody knows what became of them. How many they are. To be
    /// followed by [`renew`](Self::renew).
    pub fn drop_sent(&mut self) -> usize {
        let count = self.sent;
        self.forget(count);
        count
    }

    /// So many of the oldest, which went out.
    fn forget(&mut self, count: usize) {
        for _ in 0..count {
            self.bytes -= self.sizes.pop_front().unwrap_or_default();
        }
        self.sent -= count;
    }

    /// Whether there is something to send that may be sent.
    pub fn is_ready(&self) -> bool {
        self.cursor < self.sizes.len() && self.next <= self.limit
    }

    /// The messages of the next frame, which count as sent from now on. At most [`FRAME_BYTES`], or one message.
    pub fn next_chunk(&mut self) -> Option<Chunk> {
        let (mut count, mut bytes, mut next) = (0, 0, self.next);
        while let Some(&size) = self.sizes.get(self.cursor + count) {
            let full = count > 0 && bytes + size + ENVELOPE * (count + 1) > FRAME_BYTES;
            if full || next > self.limit {
                break;
            }
            next += span(size);
            bytes += size;
            count += 1;
        }
        if count == 0 {
            return None;
        }
        let chunk = Chunk {
            offset: self.cursor,
            count,
            first: self.next,
            bytes,
            fresh: (self.cursor + count).saturating_sub(self.sent).min(count),
        };
        self.cursor += count;
        self.next = next;
        self.sent = self.sent.max(self.cursor);
        self.sent_to = self.sent_to.max(next - 1);
        Some(chunk)
    }

    /// The largest message that is not taken.
    pub fn largest(&self) -> usize {
        self.sizes.iter().copied().max().unwrap_or_default()
    }

    /// Messages that went out and are not taken: nobody knows what has become of them.
    pub const fn unacknowledged(&self) -> usize {
        self.sent
    }

    /// The last position that was taken.
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    /// The last position that ever went out.
    pub const fn sent_to(&self) -> u64 {
        self.sent_to
    }

    /// The highest position at which a message may begin.
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// What is not taken.
    pub fn load(&self) -> Load {
        Load {
            messages: self.sizes.len(),
            bytes: self.bytes,
        }
    }

    /// Whether everything is taken.
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }
}

//! What is queued, by size alone: the payloads are with whoever drives the machine, in the same order.

use alloc::collections::VecDeque;

#[derive(Debug, Default)]
pub(super) struct Queue {
    sizes: VecDeque<usize>,
    bytes: usize,
}

impl Queue {
    pub(super) fn push(&mut self, size: usize) {
        self.sizes.push_back(size);
        self.bytes = self.bytes.saturating_add(size);
    }

    /// Takes the oldest out; its size.
    pub(super) fn pop(&mut self) -> Option<usize> {
        let size = self.sizes.pop_front()?;
        self.bytes = self.bytes.saturating_sub(size);
        Some(size)
    }

    /// Takes the oldest out until a message of `size` fits within the bounds; how many.
    pub(super) fn make_room(&mut self, size: usize, messages: usize, bytes: usize) -> u64 {
        let mut dropped = 0;
        while !self.has_room(size, messages, bytes) && self.pop().is_some() {
            dropped += 1;
        }
        dropped
    }

    pub(super) fn has_room(&self, size: usize, messages: usize, bytes: usize) -> bool {
        self.load().has_room(size, messages, bytes)
    }

    pub(super) fn load(&self) -> Load {
        Load {
            messages: self.sizes.len(),
            bytes: self.bytes,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }
}

/// How much a queue holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Messages.
    pub messages: usize,
    /// Bytes, all messages together.
    pub bytes: usize,
}

impl Load {
    /// Whether a message of `size` fits within the bounds beside these.
    pub(super) const fn has_room(&self, size: usize, messages: usize, bytes: usize) -> bool {
        self.messages < messages && self.bytes.saturating_add(size) <= bytes
    }
}

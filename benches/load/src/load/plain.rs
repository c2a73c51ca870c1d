//! Talks to a plain server: a frame for each message.

use anyhow::{Result, bail};

use super::texts::Texts;
use super::wire::{self, TEXT, Wire};

pub(crate) struct Plain {
    texts: Texts,
    /// All texts as frames, twice, and where each begins: so many as are wanted are one copy.
    frames: Vec<u8>,
    starts: Vec<usize>,
    sent: u64,
    received: u64,
}

impl Plain {
    pub(crate) fn new(texts: Texts) -> Self {
        let (mut frames, mut starts) = (Vec::new(), Vec::new());
        for n in 0..texts.count() as u64 * 2 {
            starts.push(frames.len());
            wire::push(&mut frames, TEXT, texts.text(n).as_bytes());
        }
        starts.push(frames.len());
        Self {
            texts,
            frames,
            starts,
            sent: 0,
            received: 0,
        }
    }

    /// Sends so many messages more.
    pub(crate) fn send(&mut self, count: usize, wire: &mut Wire) {
        let mut left = count;
        while left > 0 {
            let first = (self.sent % self.texts.count() as u64) as usize;
            let some = left.min(self.texts.count());
            wire.push_whole(&self.frames[self.starts[first]..self.starts[first + some]]);
            self.sent += some as u64;
            left -= some;
        }
    }

    /// How many messages a frame has: one, the next.
    pub(crate) fn receive(&mut self, opcode: u8, payload: &[u8]) -> Result<usize> {
        if opcode != TEXT {
            bail!("bytes, where text was sent");
        }
        self.texts.check(self.received, payload)?;
        self.received += 1;
        Ok(1)
    }
}

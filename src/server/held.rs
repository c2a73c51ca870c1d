//! What arrived and the application has not taken: frames as they came, and which of their messages are still there. A message is
//! read where it lies when it is taken, and has no copy of its own before.

use std::collections::VecDeque;
use std::sync::Arc;
use std::vec::Vec;

use crate::codec::{Codec, DecodeError, Extent, Payload};

/// Messages that arrived, the oldest first.
#[derive(Default)]
pub(super) struct Held {
    /// Each of one frame; none is empty.
    runs: VecDeque<Run>,
}

/// Messages of one frame, which follow one another.
pub(super) struct Run {
    frame: Arc<Frame>,
    start: usize,
    end: usize,
}

struct Frame {
    payload: Payload,
    extents: Vec<Extent>,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Nobody can make it hold much more than is counted: what a client sends again and again with something new is not kept.
    pub(super) fn push_back(&mut self, mut run: Run) {
        if run.len() > 0 {
            run.trim();
            self.runs.push_back(run);
        }
    }

    pub(super) fn push_front(&mut self, run: Run) {
        if run.len() > 0 {
            self.runs.push_front(run);
        }
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.runs.append(&mut other.runs);
    }

    /// The oldest messages, so many at most, and of one frame.
    pub(super) fn pop_front(&mut self, most: usize) -> Option<Run> {
        let first = self.runs.front_mut().filter(|_| most > 0)?;
        if first.len() > most {
            Some(first.split_front(most))
        } else {
            self.runs.pop_front()
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The sizes of all, in bytes.
    pub(super) fn sizes(&self) -> impl Iterator<Item = usize> {
        self.runs.iter().flat_map(Run::sizes)
    }

    /// The oldest may stay for long: gives up what was taken out of its frame.
    pub(super) fn trim(&mut self) {
        if let Some(first) = self.runs.front_mut() {
            first.trim();
        }
    }
}

impl Run {
    /// All messages of a frame.
    pub(super) fn new(payload: Payload, extents: Vec<Extent>) -> Self {
        Self {
            start: 0,
            end: extents.len(),
            frame: Arc::new(Frame { payload, extents }),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.end - self.start
    }

    fn extents(&self) -> &[Extent] {
        self.frame.extents.get(self.start..self.end).unwrap_or_default()
    }

    /// The sizes of the messages, in bytes.
    pub(super) fn sizes(&self) -> impl Iterator<Item = usize> {
        self.extents().iter().map(Extent::len)
    }

    /// Takes so many of the oldest out of it, or all.
    pub(super) fn split_front(&mut self, count: usize) -> Self {
        let front = Self {
            frame: self.frame.clone(),
            start: self.start,
            end: self.end.min(self.start + count),
        };
        self.start = front.end;
        front
    }

    /// The messages, each as a codec reads it.
    pub(super) fn decode<In, Out, C>(&self, codec: &C) -> impl Iterator<Item = Result<In, DecodeError>>
    where
        C: Codec<In, Out> + ?Sized,
    {
        self.extents()
            .iter()
            .map(|extent| extent.decode(&self.frame.payload, codec))
    }

    /// Lets go of its frame where that is more than twice what is here, and keeps a copy.
    fn trim(&mut self) {
        let extents = self.extents();
        let (Some(first), Some(last)) = (extents.first(), extents.last()) else {
            return;
        };
        let (start, end) = (first.bytes.start, last.bytes.end);
        if (end - start) * 2 >= self.frame.payload.len() {
            return;
        }
        let payload = match &self.frame.payload {
            Payload::Text(text) => text.get(start..end).map(|text| Payload::Text(text.into())),
            Payload::Bytes(bytes) => bytes.get(start..end).map(|bytes| Payload::Bytes(bytes.into())),
        };
        let moved = extents.iter().map(|extent| Extent {
            bytes: extent.bytes.start - start..extent.bytes.end - start,
            kind: extent.kind,
        });
        if let Some(payload) = payload {
            *self = Self::new(payload, moved.collect());
        }
    }
}

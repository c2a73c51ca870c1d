//! What arrived and the application has not taken: frames as they came, and which of their messages are still there. A message is
//! read where it lies when it is taken, and has no copy of its own before.

use std::collections::VecDeque;
use std::sync::Arc;
use std::vec::Vec;

use crate::codec::{Codec, DecodeError, Extent, Payload};

/// How long a message may be that is copied when it came by itself, in bytes.
const SHORT: usize = 1024;

/// Messages that arrived, the oldest first.
#[derive(Default)]
pub(super) struct Held {
    /// None is empty.
    runs: VecDeque<Run>,
}

/// Messages that follow one another.
pub(super) enum Run {
    /// A short one that came by itself, or none: a frame would cost more than the copy.
    Alone(Option<Payload>),
    /// Some of a frame's.
    Part {
        frame: Arc<Frame>,
        start: usize,
        end: usize,
    },
}

pub(super) struct Frame {
    payload: Payload,
    extents: Vec<Extent>,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(super) fn push_back(&mut self, run: Run) {
        if run.len() > 0 {
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

    /// They may stay for long: see [`Run::trim`].
    pub(super) fn trim(&mut self) {
        self.runs.iter_mut().for_each(Run::trim);
    }
}

impl Run {
    /// All messages of a frame.
    pub(super) fn new(payload: Payload, extents: Vec<Extent>) -> Self {
        if let [extent] = &*extents
            && extent.len() <= SHORT
        {
            return Self::Alone(Some(extent.payload(&payload)));
        }
        Self::Part {
            start: 0,
            end: extents.len(),
            frame: Arc::new(Frame { payload, extents }),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Alone(payload) => usize::from(payload.is_some()),
            Self::Part { start, end, .. } => end - start,
        }
    }

    /// The sizes of the messages, in bytes.
    pub(super) fn sizes(&self) -> impl Iterator<Item = usize> {
        let (alone, part) = match self {
            Self::Alone(payload) => (payload.as_ref().map(Payload::len), None),
            Self::Part { frame, start, end } => (None, frame.extents.get(*start..*end)),
        };
        alone.into_iter().chain(part.into_iter().flatten().map(Extent::len))
    }

    /// Takes so many of the oldest out of it, or all.
    pub(super) fn split_front(&mut self, count: usize) -> Self {
        match self {
            Self::Alone(payload) => Self::Alone(payload.take_if(|_| count > 0)),
            Self::Part { frame, start, end } => {
                let from = *start;
                *start = (*end).min(from + count);
                Self::Part {
                    frame: frame.clone(),
                    start: from,
                    end: *start,
                }
            }
        }
    }

    /// Drops so many of the oldest, or all.
    pub(super) fn skip(&mut self, count: usize) {
        match self {
            Self::Alone(payload) => *payload = payload.take().filter(|_| count == 0),
            Self::Part { start, end, .. } => *start = (*end).min(*start + count),
        }
    }

    /// Hands each message to whoever wants them, as the codec reads it.
    pub(super) fn decode<In, Out, C>(self, codec: &C, mut each: impl FnMut(Result<In, DecodeError>))
    where
        C: Codec<In, Out> + ?Sized,
    {
        match self {
            Self::Alone(payload) => payload.into_iter().for_each(|payload| each(codec.decode(payload))),
            Self::Part { frame, start, end } => {
                for extent in frame.extents.get(start..end).unwrap_or_default() {
                    each(extent.decode(&frame.payload, codec));
                }
            }
        }
    }

    /// Keeps a copy in place of a frame that is more than twice as large, all in all. What a client sends once more with something
    /// new, or what the application has taken, is not held for the sake of what is left.
    pub(super) fn trim(&mut self) {
        let Self::Part { frame, start, end } = self else {
            return;
        };
        let extents = frame.extents.get(*start..*end).unwrap_or_default();
        let (Some(first), Some(last)) = (extents.first(), extents.last()) else {
            return;
        };
        let (from, to) = (first.bytes.start, last.bytes.end);
        let cost = |bytes: usize, messages: usize| bytes + messages * size_of::<Extent>();
        let whole = cost(capacity(&frame.payload), frame.extents.capacity());
        if cost(to - from, extents.len()) * 2 >= whole {
            return;
        }
        let payload = match &frame.payload {
            Payload::Text(text) => Payload::Text(text.get(from..to).unwrap_or_default().into()),
            Payload::Bytes(bytes) => Payload::Bytes(bytes.get(from..to).unwrap_or_default().into()),
        };
        let moved = extents.iter().map(|extent| Extent {
            bytes: extent.bytes.start - from..extent.bytes.end - from,
            kind: extent.kind,
        });
        *self = Self::new(payload, moved.collect());
    }
}

const fn capacity(payload: &Payload) -> usize {
    match payload {
        Payload::Text(text) => text.capacity(),
        Payload::Bytes(bytes) => bytes.capacity(),
    }
}

//! What was sent and the client's application has not taken, as it will go out: short texts lie end to end, each behind its
//! separator, so that a frame of them is copied in a few pieces. And what an application sent is freed when it is sent, while it is
//! in the processor's caches; not when it is acknowledged, a thousand messages later.

use std::collections::VecDeque;
use std::fmt::Write;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use crate::codec::{Payload, packing};
use crate::session::Chunk;
use crate::session::frame::{self, Batch, Kind, Part, SEPARATOR};

/// How long a text may be that is copied into a row, in bytes. Longer ones cost more to copy than to keep.
const SHORT: usize = 1024;
/// When a row is full, in bytes. One with a single message left is kept whole.
const ROW: usize = 4 * 1024;
/// The position of a frame's first message, in digits at most.
const DIGITS: usize = 20;

/// What is not taken by the client's application, the oldest first.
#[derive(Default)]
pub(super) struct Outbox {
    messages: VecDeque<Location>,
    /// Short texts, each behind a separator. What is taken of the first row stays in it until all of it is.
    rows: Numbered<String>,
    /// Whatever is in no row.
    apart: Numbered<Sent>,
    /// A store has each of them, too, and shares it: none goes into a row.
    is_shared: bool,
}

/// Where a message is.
#[derive(Clone, Copy)]
enum Location {
    /// In a row, with its separator.
    Row {
        row: usize,
        start: u32,
        end: u32,
    },
    Apart(usize),
}

/// A message in no row.
enum Sent {
    /// It is here only: most never get any further.
    Own(Payload),
    /// The store has it, too.
    Shared(Arc<Payload>),
}

/// What a message is, wherever it lies.
#[derive(Clone, Copy)]
enum Content<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// A queue whose items keep their numbers.
struct Numbered<T> {
    items: VecDeque<T>,
    /// The number of the first, of all there ever were.
    first: usize,
}

impl Outbox {
    /// With what a store has already.
    pub(super) fn new(payloads: Vec<Arc<Payload>>, is_shared: bool) -> Self {
        let mut outbox = Self {
            is_shared,
            ..Self::default()
        };
        for payload in payloads {
            outbox.push_apart(Sent::Shared(payload));
        }
        outbox
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn push(&mut self, payload: Payload) {
        match payload {
            Payload::Text(text) if !self.is_shared && text.len() <= SHORT && !packing::has_separator(&text) => {
                self.append(&text);
            }
            payload => self.push_apart(Sent::Own(payload)),
        }
    }

    fn push_apart(&mut self, sent: Sent) {
        let number = self.apart.push(sent);
        self.messages.push_back(Location::Apart(number));
    }

    /// Puts a short text behind the others.
    fn append(&mut self, text: &str) {
        let size = SEPARATOR.len_utf8() + text.len();
        if self.rows.items.back().is_none_or(|row| row.len() + size > ROW) {
            // Where one is full, the next will be, too.
            let capacity = if self.rows.items.is_empty() { size } else { ROW };
            self.rows.push(String::with_capacity(capacity));
        }
        let number = self.rows.end().saturating_sub(1);
        if let Some(row) = self.rows.items.back_mut() {
            let start = row.len();
            row.push(SEPARATOR);
            row.push_str(text);
            self.messages.push_back(Location::Row {
                row: number,
                start: start as u32,
                end: row.len() as u32,
            });
        }
    }

    /// So many of the oldest are taken.
    pub(super) fn release(&mut self, count: usize) {
        let mut row = self.rows.first;
        for location in self.messages.drain(..count.min(self.messages.len())) {
            match location {
                Location::Row { row: number, .. } => row = number,
                Location::Apart(number) => self.apart.release(number + 1),
            }
        }
        match self.messages.front() {
            None => row = self.rows.end(),
            Some(Location::Row { row: number, .. }) => row = *number,
            Some(Location::Apart(_)) => {}
        }
        self.rows.release(row);
    }

    /// It may stay for long.
    pub(super) fn trim(&mut self) {
        if let Some(row) = self.rows.items.back_mut() {
            row.shrink_to_fit();
        }
    }

    /// The messages from one on, for the store.
    pub(super) fn share(&mut self, from: usize) -> Vec<Arc<Payload>> {
        let (rows, apart) = (&self.rows, &mut self.apart);
        let messages = self.messages.iter().skip(from);
        messages
            .filter_map(|location| match *location {
                Location::Row { .. } => location.text(rows).map(|text| Arc::new(Payload::Text(text.into()))),
                Location::Apart(number) => apart.get_mut(number).map(Sent::share),
            })
            .collect()
    }

    /// The messages from one on, which nobody will send.
    pub(super) fn into_payloads(self, from: usize) -> Vec<Payload> {
        let (rows, mut apart) = (self.rows, self.apart);
        let messages = self.messages.into_iter().skip(from);
        messages
            .filter_map(|location| match location {
                Location::Row { .. } => location.text(&rows).map(|text| Payload::Text(text.into())),
                Location::Apart(number) => apart.get_mut(number).map(Sent::take),
            })
            .collect()
    }

    /// A frame of messages: text wherever all of them can travel in it, which is cheaper for JavaScript to read.
    pub(super) fn frame(&self, chunk: &Chunk) -> Payload {
        let messages = self.messages.iter().skip(chunk.offset).take(chunk.count);
        let is_in_rows = |location: &Location| matches!(location, Location::Row { .. });
        if (self.apart.items.is_empty() || messages.clone().all(is_in_rows))
            && let Some(text) = self.slice(chunk)
        {
            return Payload::Text(text);
        }
        let contents = messages.filter_map(|location| self.content(*location));
        let texts = contents.clone().map(|content| match content {
            Content::Text(text) => Some(text),
            Content::Bytes(_) => None,
        });
        let texts: Option<Vec<&str>> = texts.collect();
        match texts.and_then(|texts| frame::encode_text(chunk.first, texts)) {
            Some(text) => Payload::Text(text),
            None => Payload::Bytes(Batch::encode(chunk.first, contents.map(Content::part))),
        }
    }

    /// A frame of messages that lie end to end.
    fn slice(&self, chunk: &Chunk) -> Option<String> {
        let last = chunk.offset + chunk.count.checked_sub(1)?;
        let (from, to) = (self.messages.get(chunk.offset)?, self.messages.get(last)?);
        let (
            Location::Row {
                row: first_row, start, ..
            },
            Location::Row { row: last_row, end, .. },
        ) = (*from, *to)
        else {
            return None;
        };
        let mut frame = String::with_capacity(DIGITS + chunk.count * SEPARATOR.len_utf8() + chunk.bytes);
        // A string takes whatever is written.
        let _ = write!(frame, "{}", chunk.first);
        for number in first_row..=last_row {
            let row = self.rows.get(number)?;
            let start = if number == first_row { start as usize } else { 0 };
            let end = if number == last_row { end as usize } else { row.len() };
            frame.push_str(row.get(start..end)?);
        }
        Some(frame)
    }

    fn content(&self, location: Location) -> Option<Content<'_>> {
        match location {
            Location::Row { .. } => location.text(&self.rows).map(Content::Text),
            Location::Apart(number) => self.apart.get(number).map(|sent| match sent {
                Sent::Own(payload) => Content::of(payload),
                Sent::Shared(payload) => Content::of(payload),
            }),
        }
    }
}

impl Location {
    /// The text that lies there in a row.
    fn text(self, rows: &Numbered<String>) -> Option<&str> {
        let Self::Row { row, start, end } = self else {
            return None;
        };
        rows.get(row)?.get(start as usize + SEPARATOR.len_utf8()..end as usize)
    }
}

impl Sent {
    /// For the store.
    fn share(&mut self) -> Arc<Payload> {
        let payload = match self {
            Self::Own(_) => Arc::new(self.take()),
            Self::Shared(payload) => payload.clone(),
        };
        *self = Self::Shared(payload.clone());
        payload
    }

    /// For whoever has no use for the outbox any more.
    fn take(&mut self) -> Payload {
        match std::mem::replace(self, Self::Own(Payload::Bytes(Vec::new()))) {
            Self::Own(payload) => payload,
            Self::Shared(payload) => Arc::unwrap_or_clone(payload),
        }
    }
}

impl<T> Numbered<T> {
    /// The number that the next item will have.
    fn end(&self) -> usize {
        self.first + self.items.len()
    }

    fn push(&mut self, item: T) -> usize {
        self.items.push_back(item);
        self.end() - 1
    }

    fn get(&self, number: usize) -> Option<&T> {
        self.items.get(number.checked_sub(self.first)?)
    }

    fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        self.items.get_mut(number.checked_sub(self.first)?)
    }

    /// Drops all before a number.
    fn release(&mut self, number: usize) {
        let count = number.saturating_sub(self.first).min(self.items.len());
        self.items.drain(..count);
        self.first += count;
    }
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self {
            items: VecDeque::new(),
            first: 0,
        }
    }
}

impl<'a> Content<'a> {
    fn of(payload: &'a Payload) -> Self {
        match payload {
            Payload::Text(text) => Self::Text(text),
            Payload::Bytes(bytes) => Self::Bytes(bytes),
        }
    }

    const fn part(self) -> Part<'a> {
        match self {
            Self::Text(text) => Part {
                kind: Kind::Text,
                bytes: text.as_bytes(),
            },
            Self::Bytes(bytes) => Part {
                kind: Kind::Bytes,
                bytes,
            },
        }
    }
}

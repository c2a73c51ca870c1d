//! Frames: valid ones at random, ways to damage them, and what must hold of any bytes at all.

use tautline::session::frame::{decode_text, encode_text};
use tautline::session::{Batch, Bye, Control, FromClient, FromServer, Hello, Kind, LAST, Malformed, Part, Welcome};

use super::random::Random;

/// A frame as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(String),
    Binary(Vec<u8>),
}

impl Frame {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// Where the bytes are no text any more, nobody's WebSocket lets them through: a binary frame, then.
    pub(crate) fn with_bytes(&self, bytes: Vec<u8>) -> Self {
        match self {
            Self::Binary(_) => Self::Binary(bytes),
            Self::Text(_) => match String::from_utf8(bytes) {
                Ok(text) => Self::Text(text),
                Err(error) => Self::Binary(error.into_bytes()),
            },
        }
    }
}

/// The kinds of frames, by the names of the specification.
pub(crate) const KINDS: [&str; 8] = ["TEXT", "BATCH", "HELLO", "WELCOME", "ACK", "PING", "PONG", "BYE"];

/// A valid frame of this kind.
pub(crate) fn valid(random: &mut Random, kind: &str) -> Frame {
    let bytes = match kind {
        "TEXT" => return text(random),
        "BATCH" => batch(random),
        "HELLO" => hello(random).encode(),
        "WELCOME" => welcome(random).encode(),
        "ACK" => {
            let (taken, limit) = (number(random), number(random));
            Control::Ack { taken, limit }.encode()
        }
        "PING" => Control::Ping(number(random)).encode(),
        "PONG" => Control::Pong(number(random)).encode(),
        _ => {
            let (code, reason) = (number(random), string(random, 130));
            Control::Bye(Bye { code, reason }).encode()
        }
    };
    Frame::Binary(bytes)
}

/// A valid frame of any kind.
pub(crate) fn any(random: &mut Random) -> Frame {
    let kind = random.pick(&KINDS);
    valid(random, kind)
}

pub(crate) fn number(random: &mut Random) -> u64 {
    match random.below(4) {
        0 => random.pick(&[0, 1, 127, 128, 16_383, 16_384, 1 << 28, 1 << 49, LAST - 1, LAST]),
        1 => random.below(300),
        2 => random.below(1 << 32),
        _ => random.below(LAST + 1),
    }
}

fn positive(random: &mut Random) -> u64 {
    number(random).max(1)
}

/// Text of at most so many bytes.
fn string(random: &mut Random, most: u64) -> String {
    let most = if random.one_in(4) { most } else { most.min(12) };
    let bytes = random.below(most + 1);
    let mut text = String::new();
    loop {
        let character = random.pick(&['a', '"', '\0', '\u{1e}', '\u{feff}', 'ß', '€', '🦀', '7']);
        if text.len() + character.len_utf8() > bytes as usize {
            return text;
        }
        text.push(character);
    }
}

fn text(random: &mut Random) -> Frame {
    let messages: Vec<_> = (0..=random.below(5))
        .map(|_| string(random, 200).replace('\u{1e}', ""))
        .collect();
    let messages = messages.iter().map(String::as_str);
    Frame::Text(encode_text(positive(random), messages).unwrap_or_default())
}

fn batch(random: &mut Random) -> Vec<u8> {
    let first = positive(random);
    let messages: Vec<_> = (0..=random.below(5))
        .map(|_| match random.one_in(2) {
            true => (Kind::Text, string(random, 200).into_bytes()),
            false => (
                Kind::Bytes,
                (0..random.below(200)).map(|_| random.next() as u8).collect(),
            ),
        })
        .collect();
    let parts = messages.iter().map(|(kind, bytes)| Part { kind: *kind, bytes });
    Batch::encode(first, parts)
}

pub(crate) fn hello(random: &mut Random) -> Hello {
    let most = if random.one_in(8) { 33 } else { 4 };
    Hello {
        token: string(random, 128),
        taken: number(random),
        limit: number(random),
        attempt: number(random),
        max_message: positive(random),
        protocols: (0..random.below(most)).map(|_| string(random, 40)).collect(),
    }
}

pub(crate) fn welcome(random: &mut Random) -> Welcome {
    Welcome {
        resumed: random.one_in(2),
        token: string(random, 128),
        taken: number(random),
        limit: number(random),
        resume_ms: number(random),
        heartbeat_ms: number(random),
        max_message: positive(random),
        protocol: string(random, 40),
    }
}

/// Bytes that were a frame, changed in one or a few ways.
pub(crate) fn damage(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let place = random.below(bytes.len() as u64 + 1) as usize;
        match random.below(9) {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, random.next() as u8),
            // A number gets longer, without becoming another.
            2 => drop(bytes.splice(place..place, [0x80, 0x00])),
            3 => drop(bytes.splice(place..place, [0xff; 8])),
            // Another frame's end.
            4 => {
                let other = any(random).bytes().to_vec();
                let from = random.below(other.len() as u64 + 1) as usize;
                bytes.truncate(place);
                bytes.extend_from_slice(&other[from..]);
            }
            5 if place < bytes.len() => drop(bytes.remove(place)),
            6 if place < bytes.len() => bytes[place] ^= 1 << random.below(8),
            7 if place < bytes.len() => bytes[place] = random.pick(&[0, 1, 0x1e, 0x7f, 0x80, 0xff, b'0', b'9']),
            _ => {
                let end = place + random.below(9) as usize;
                let part = bytes[place..end.min(bytes.len())].to_vec();
                bytes.extend_from_slice(&part);
            }
        }
    }
    bytes
}

/// What must hold of whatever arrives: it is no frame, or it is one, and says so again. An error says what is wrong.
pub(crate) fn judge(frame: &Frame) -> Result<(), String> {
    match frame {
        Frame::Text(text) => judge_text(text),
        Frame::Binary(bytes) => {
            judge_client_frame(bytes)?;
            judge_server_frame(bytes)
        }
    }
}

fn judge_text(text: &str) -> Result<(), String> {
    let Ok((first, messages)) = decode_text(text) else {
        return Ok(());
    };
    if first == 0 || first > LAST {
        return Err(format!("position {first}"));
    }
    match encode_text(first, messages) {
        Some(again) if again == text => Ok(()),
        again => Err(format!("{again:?} comes out where {text:?} went in")),
    }
}

fn judge_client_frame(bytes: &[u8]) -> Result<(), String> {
    match FromClient::decode(bytes) {
        Err(Malformed) => Ok(()),
        Ok(FromClient::Hello(hello)) => {
            let is_short = hello.token.len() <= 128 && hello.protocols.len() <= 32 && bytes.len() <= 8192;
            let fits = is_short && hello.max_message > 0;
            let again = hello.encode();
            // What follows is room to grow.
            if fits && bytes.starts_with(&again) {
                Ok(())
            } else {
                Err(format!("{again:x?} comes out where {bytes:x?} went in"))
            }
        }
        Ok(FromClient::Control(control)) => same(bytes, &control.encode()),
        Ok(FromClient::Batch(batch)) => judge_batch(bytes, &batch),
    }
}

fn judge_server_frame(bytes: &[u8]) -> Result<(), String> {
    match FromServer::decode(bytes) {
        Err(Malformed) => Ok(()),
        Ok(FromServer::Welcome(welcome)) => {
            let fits = welcome.token.len() <= 128 && welcome.max_message > 0;
            let again = welcome.encode();
            // Flags that nobody knows are room to grow, too.
            let known = bytes[1] > 1 || bytes.starts_with(&again);
            let decoded = FromServer::decode(&again);
            if fits && known && decoded == Ok(FromServer::Welcome(welcome)) {
                Ok(())
            } else {
                Err(format!("{again:x?} comes out where {bytes:x?} went in"))
            }
        }
        Ok(FromServer::Control(control)) => same(bytes, &control.encode()),
        Ok(FromServer::Batch(batch)) => judge_batch(bytes, &batch),
    }
}

fn judge_batch(bytes: &[u8], batch: &Batch<'_>) -> Result<(), String> {
    if batch.first == 0 || batch.parts().count() == 0 {
        return Err(format!("{bytes:x?} passes for a batch"));
    }
    for part in batch.parts() {
        if part.kind == Kind::Text && str::from_utf8(part.bytes).is_err() {
            return Err(format!("{:x?} passes for text", part.bytes));
        }
    }
    same(bytes, &Batch::encode(batch.first, batch.parts()))
}

fn same(bytes: &[u8], again: &[u8]) -> Result<(), String> {
    if bytes == again {
        Ok(())
    } else {
        Err(format!("{again:x?} comes out where {bytes:x?} went in"))
    }
}

/// What kind of frame it is, where it is one.
pub(crate) fn kind_of(frame: &Frame) -> Option<&'static str> {
    let bytes = match frame {
        Frame::Text(text) => return decode_text(text).ok().map(|_| "TEXT"),
        Frame::Binary(bytes) => bytes,
    };
    let control = |control| match control {
        Control::Ack { .. } => "ACK",
        Control::Ping(_) => "PING",
        Control::Pong(_) => "PONG",
        Control::Bye(_) => "BYE",
    };
    match (FromClient::decode(bytes), FromServer::decode(bytes)) {
        (Ok(FromClient::Hello(_)), _) => Some("HELLO"),
        (_, Ok(FromServer::Welcome(_))) => Some("WELCOME"),
        (Ok(FromClient::Batch(_)), Ok(FromServer::Batch(_))) => Some("BATCH"),
        (Ok(FromClient::Control(one)), Ok(FromServer::Control(other))) if one == other => Some(control(one)),
        _ => None,
    }
}

//! Bytes to frames and frames to bytes. Decoding borrows: what a frame declares allocates nothing.

use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, str};

use super::LAST;

const BATCH: u8 = 0;
const HELLO: u8 = 1;
const WELCOME: u8 = 2;
const ACK: u8 = 3;
const PING: u8 = 4;
const PONG: u8 = 5;
const BYE: u8 = 6;

/// Stands before each message of a text frame.
pub(crate) const SEPARATOR: char = '\u{1e}';
const RESUMED: u64 = 1;
const MOST_TOKEN_BYTES: usize = 128;
const MOST_PROTOCOLS: u64 = 32;
/// Of a HELLO, all in all: what it names is kept with its session.
const MOST_HELLO_BYTES: usize = 8192;

/// Bytes or text that are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromClient<'a> {
    /// Its first frame.
    Hello(Hello),
    /// What both send.
    Control(Control),
    /// Messages.
    Batch(Batch<'a>),
}

/// What a server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromServer<'a> {
    /// Its first frame, unless that is a BYE.
    Welcome(Welcome),
    /// What both send.
    Control(Control),
    /// Messages.
    Batch(Batch<'a>),
}

/// The first frame of every connection.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hello {
    /// The session to go on with; empty: a new one.
    pub token: String,
    /// The last position that the client's application has taken.
    pub taken: u64,
    /// The highest position at which the server may begin a message.
    pub limit: u64,
    /// Rises with every HELLO of a client.
    pub attempt: u64,
    /// The largest message that the client takes, in bytes.
    pub max_message: u64,
    /// The application's subprotocols, the most wanted first.
    pub protocols: Vec<String>,
}

/// The answer to a [`Hello`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Welcome {
    /// Whether the session goes on.
    pub resumed: bool,
    /// The session's name.
    pub token: String,
    /// The last position that the server's application has taken.
    pub taken: u64,
    /// The highest position at which the client may begin a message.
    pub limit: u64,
    /// How long the session outlives a connection, in milliseconds.
    pub resume_ms: u64,
    /// How long the server is silent at most, in milliseconds; 0: as long as it likes.
    pub heartbeat_ms: u64,
    /// The largest message that the server takes, in bytes.
    pub max_message: u64,
    /// The application's subprotocol; empty: none.
    pub protocol: String,
}

/// What either end sends when both have greeted, messages excepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// How much was taken, and how much more may come.
    Ack {
        /// The last position taken.
        taken: u64,
        /// The highest position at which a message may begin.
        limit: u64,
    },
    /// To be answered by [`Pong`](Self::Pong).
    Ping(u64),
    /// The answer, with the same number.
    Pong(u64),
    /// The end of the session.
    Bye(Bye),
}

/// Why a session ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bye {
    /// The code, as of a WebSocket's close.
    pub code: u64,
    /// The reason.
    pub reason: String,
}

/// Messages one after the other, checked whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<'a> {
    /// The position of the first.
    pub first: u64,
    body: &'a [u8],
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Anything.
    Bytes,
}

/// One message of a [`Batch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// Without the token, which is as good as a password.
impl fmt::Debug for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hello")
            .field("taken", &self.taken)
            .field("limit", &self.limit)
            .field("attempt", &self.attempt)
            .field("max_message", &self.max_message)
            .field("protocols", &self.protocols)
            .finish_non_exhaustive()
    }
}

/// Without the token, which is as good as a password.
impl fmt::Debug for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Welcome")
            .field("resumed", &self.resumed)
            .field("taken", &self.taken)
            .field("limit", &self.limit)
            .field("resume_ms", &self.resume_ms)
            .field("heartbeat_ms", &self.heartbeat_ms)
            .field("max_message", &self.max_message)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

impl Bye {
    /// The code as one of a WebSocket's close.
    pub fn close_code(&self) -> u16 {
        u16::try_from(self.code).unwrap_or(u16::MAX)
    }
}

impl<'a> FromClient<'a> {
    /// Reads a binary frame.
    ///
    /// # Errors
    /// Where it is none that a client sends.
    pub fn decode(frame: &'a [u8]) -> Result<Self, Malformed> {
        let mut body = Reader(frame);
        match body.byte()? {
            BATCH => Batch::read(body).map(Self::Batch),
            HELLO if frame.len() > MOST_HELLO_BYTES => Err(Malformed),
            HELLO => Hello::read(body).map(Self::Hello),
            kind => Control::read(kind, body).map(Self::Control),
        }
    }
}

impl<'a> FromServer<'a> {
    /// Reads a binary frame.
    ///
    /// # Errors
    /// Where it is none that a server sends.
    pub fn decode(frame: &'a [u8]) -> Result<Self, Malformed> {
        let mut body = Reader(frame);
        match body.byte()? {
            BATCH => Batch::read(body).map(Self::Batch),
            _ => Self::decode_control(frame),
        }
    }

    /// Reads a binary frame, unless it has messages: for those who read them themselves.
    ///
    /// # Errors
    /// Where it is none of the others that a server sends.
    pub(crate) fn decode_control(frame: &'a [u8]) -> Result<Self, Malformed> {
        let mut body = Reader(frame);
        match body.byte()? {
            WELCOME => Welcome::read(body).map(Self::Welcome),
            kind => Control::read(kind, body).map(Self::Control),
        }
    }
}

impl Hello {
    /// The frame's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let numbers = [self.taken, self.limit, self.attempt, self.max_message];
        hello(&self.token, numbers, &self.protocols)
    }

    /// What follows is room to grow.
    fn read(mut body: Reader<'_>) -> Result<Self, Malformed> {
        let mut hello = Self {
            token: body.token()?,
            taken: body.number()?,
            limit: body.number()?,
            attempt: body.number()?,
            max_message: body.positive()?,
            protocols: Vec::new(),
        };
        let count = body.number()?;
        if count > MOST_PROTOCOLS {
            return Err(Malformed);
        }
        for _ in 0..count {
            hello.protocols.push(body.string()?);
        }
        Ok(hello)
    }
}

/// A [`Hello`] from its fields, in their order.
pub(super) fn hello(token: &str, numbers: [u64; 4], protocols: &[String]) -> Vec<u8> {
    let mut frame = Writer::new(HELLO);
    frame.string(token);
    for number in numbers {
        frame.number(number);
    }
    frame.number(protocols.len() as u64);
    for protocol in protocols {
        frame.string(protocol);
    }
    frame.0
}

impl Welcome {
    /// The frame's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut frame = Writer::new(WELCOME);
        frame.number(if self.resumed { RESUMED } else { 0 });
        frame.string(&self.token);
        for number in [
            self.taken,
            self.limit,
            self.resume_ms,
            self.heartbeat_ms,
            self.max_message,
        ] {
            frame.number(number);
        }
        frame.string(&self.protocol);
        frame.0
    }

    /// What follows is room to grow; so are the flags that nobody knows.
    fn read(mut body: Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            resumed: body.number()? & RESUMED != 0,
            token: body.token()?,
            taken: body.number()?,
            limit: body.number()?,
            resume_ms: body.number()?,
            heartbeat_ms: body.number()?,
            max_message: body.positive()?,
            protocol: body.string()?,
        })
    }
}

impl Control {
    /// The frame's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, numbers, reason) = match self {
            Self::Ack { taken, limit } => (ACK, [Some(*taken), Some(*limit)], None),
            Self::Ping(nonce) => (PING, [Some(*nonce), None], None),
            Self::Pong(nonce) => (PONG, [Some(*nonce), None], None),
            Self::Bye(bye) => (BYE, [Some(bye.code), None], Some(&bye.reason)),
        };
        let mut frame = Writer::new(kind);
        for number in numbers.into_iter().flatten() {
            frame.number(number);
        }
        if let Some(reason) = reason {
            frame.string(reason);
        }
        frame.0
    }

    fn read(kind: u8, mut body: Reader<'_>) -> Result<Self, Malformed> {
        let first = body.number()?;
        let frame = match kind {
            ACK => Self::Ack {
                taken: first,
                limit: body.number()?,
            },
            PING => Self::Ping(first),
            PONG => Self::Pong(first),
            BYE => Self::Bye(Bye {
                code: first,
                reason: body.string()?,
            }),
            _ => return Err(Malformed),
        };
        if body.0.is_empty() { Ok(frame) } else { Err(Malformed) }
    }
}

impl<'a> Batch<'a> {
    /// The frame's bytes, for messages that begin at `first`.
    pub fn encode<'b>(first: u64, parts: impl IntoIterator<Item = Part<'b>>) -> Vec<u8> {
        let mut frame = Writer::new(BATCH);
        frame.number(first);
        for part in parts {
            frame.number((part.bytes.len() as u64) << 1 | u64::from(part.kind == Kind::Bytes));
            frame.0.extend_from_slice(part.bytes);
        }
        frame.0
    }

    /// The messages, in order.
    pub fn parts(&self) -> impl Iterator<Item = Part<'a>> + Clone + use<'a> {
        self.places().map(|(part, _)| part)
    }

    /// The messages, in order, with how many bytes of the frame follow each.
    pub fn places(&self) -> impl Iterator<Item = (Part<'a>, usize)> + Clone + use<'a> {
        let mut body = Reader(self.body);
        // It was checked when it was read.
        core::iter::from_fn(move || Some((body.part().ok()?, body.0.len())))
    }

    fn read(mut body: Reader<'a>) -> Result<Self, Malformed> {
        let batch = Self {
            first: body.positive()?,
            body: body.0,
        };
        while !body.0.is_empty() {
            body.part()?;
        }
        if batch.body.is_empty() {
            Err(Malformed)
        } else {
            Ok(batch)
        }
    }
}

/// Reads a text frame: the position of the first message, and the messages.
///
/// # Errors
/// Where it is none.
pub fn decode_text(frame: &str) -> Result<(u64, str::Split<'_, char>), Malformed> {
    let (first, messages) = split_first(frame)?;
    Ok((first, messages.split(SEPARATOR)))
}

/// The position of the first message of a text frame, and the messages with the separators between them.
///
/// # Errors
/// Where it is none.
pub(crate) fn split_first(frame: &str) -> Result<(u64, &str), Malformed> {
    let (first, messages) = frame.split_once(SEPARATOR).ok_or(Malformed)?;
    let is_shortest = first.bytes().all(|byte| byte.is_ascii_digit()) && !first.starts_with('0');
    match first.parse() {
        Ok(first) if is_shortest && first <= LAST => Ok((first, messages)),
        _ => Err(Malformed),
    }
}

/// A text frame of messages that begin at `first`; `None` where one of them can't travel in it.
pub fn encode_text<'a, M>(first: u64, messages: M) -> Option<String>
where
    M: IntoIterator<Item = &'a str, IntoIter: Clone>,
{
    let mut digits = [0; 20];
    let first = decimal(first, &mut digits);
    let messages = messages.into_iter();
    // All of it at once: a text that grows is copied as often.
    let size: usize = messages.clone().map(|message| message.len() + 1).sum();
    let mut frame = String::with_capacity(first.len() + size);
    frame.push_str(first);
    for message in messages {
        if message.contains(SEPARATOR) {
            return None;
        }
        frame.push(SEPARATOR);
        frame.push_str(message);
    }
    Some(frame)
}

/// Without the formatting machinery, which is large.
fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &str {
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        start -= 1;
        if number == 0 {
            break;
        }
    }
    digits
        .get(start..)
        .and_then(|digits| str::from_utf8(digits).ok())
        .unwrap_or_default()
}

/// The text of UTF-8. Not core's, which is made for long ones and twice the size.
pub(crate) fn text(bytes: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut bytes = bytes.iter();
    while let Some(&head) = bytes.next() {
        let (more, least) = match head {
            0..0x80 => (0, 0),
            0xc0..0xe0 => (1, 0x80),
            0xe0..0xf0 => (2, 0x800),
            0xf0..0xf8 => (3, 0x1_0000),
            _ => return None,
        };
        let mut code = u32::from(head) & (0x7f >> more);
        for _ in 0..more {
            let byte = *bytes.next()?;
            if byte & 0xc0 != 0x80 {
                return None;
            }
            code = code << 6 | u32::from(byte & 0x3f);
        }
        if code < least {
            return None;
        }
        text.push(char::from_u32(code)?);
    }
    Some(text)
}

/// What is left of a frame.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, Malformed> {
        let (&byte, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(byte)
    }

    fn bytes(&mut self, count: u64) -> Result<&'a [u8], Malformed> {
        let count = usize::try_from(count).map_err(|_| Malformed)?;
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// The shortest form only, and at most [`LAST`].
    fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..56).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let is_shortest = byte != 0 || shift == 0;
                return if is_shortest && number <= LAST {
                    Ok(number)
                } else {
                    Err(Malformed)
                };
            }
        }
        Err(Malformed)
    }

    fn positive(&mut self) -> Result<u64, Malformed> {
        self.number()
            .and_then(|number| if number == 0 { Err(Malformed) } else { Ok(number) })
    }

    fn string(&mut self) -> Result<String, Malformed> {
        let length = self.number()?;
        text(self.bytes(length)?).ok_or(Malformed)
    }

    fn token(&mut self) -> Result<String, Malformed> {
        let token = self.string()?;
        if token.len() > MOST_TOKEN_BYTES {
            return Err(Malformed);
        }
        Ok(token)
    }

    fn part(&mut self) -> Result<Part<'a>, Malformed> {
        let head = self.number()?;
        let bytes = self.bytes(head >> 1)?;
        if head & 1 == 1 {
            return Ok(Part {
                kind: Kind::Bytes,
                bytes,
            });
        }
        str::from_utf8(bytes).map_err(|_| Malformed)?;
        Ok(Part {
            kind: Kind::Text,
            bytes,
        })
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn new(kind: u8) -> Self {
        Self(Vec::from([kind]))
    }

    fn number(&mut self, mut number: u64) {
        while number > 0x7f {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn string(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_core_takes_for_utf8() {
        let all = 0..=u8::MAX;
        // The bytes between which something changes.
        let edges = [
            0, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
            0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf7, 0xf8, 0xff,
        ];
        let check = |bytes: &[u8]| {
            assert_eq!(text(bytes).as_deref(), str::from_utf8(bytes).ok(), "{bytes:x?}");
        };
        check(&[]);
        for first in all.clone() {
            check(&[first]);
            for second in all.clone() {
                check(&[first, second]);
                check(&[b'a', first, second, b'z']);
                for third in edges {
                    check(&[first, second, third]);
                    for fourth in edges {
                        check(&[first, second, third, fourth]);
                    }
                }
            }
        }
        check("Grüße, 世界 🦀\u{0}\u{feff}".as_bytes());
    }
}

//! What a connection is told to do before it starts: its bounds, its patience, and which ends are final.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::backoff::Pace;
use super::error::Failure;

/// Everything a [`Connection`](super::Connection) is told at its start.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// Whether and when to try again; `None`: one attempt, one connection.
    pub reconnect: Option<Reconnect>,
    /// How long an attempt may take, the question for its URL included.
    pub connect_timeout: ConnectTimeout,
    /// Notices a dead link; `None` (the default): trust the browser, or in a session what the server says of its own
    /// heartbeat.
    pub heartbeat: Option<Heartbeat>,
    /// Deliver exactly once, by a session with the server; `None` (the default): a plain WebSocket, at most once.
    pub durable: Option<Durable>,
    /// Bounds of what was accepted and not yet handed on.
    pub outbox: Outbox,
    /// Bounds of what arrived and was not yet taken.
    pub inbox: Inbox,
    /// Ask for the URL before every attempt ([`Output::AskUrl`](super::Output::AskUrl)) instead of using a fixed one.
    pub ask_url: bool,
}

impl Config {
    /// The defaults: reconnects for ever, no heartbeat, a fixed URL.
    pub fn new() -> Self {
        Self {
            reconnect: Some(Reconnect::default()),
            ..Self::default()
        }
    }
}

/// How long an attempt may take. Default: 10 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectTimeout(pub Duration);

impl Default for ConnectTimeout {
    fn default() -> Self {
        Self(Duration::from_secs(10))
    }
}

/// When to try again after a failed attempt or a lost connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reconnect {
    /// The longest delay before the first retry. Each delay is random between nothing and its longest. Default: 250 ms.
    pub min_delay: Duration,
    /// The longest delay of all, `min_delay` included. Default: 30 s.
    pub max_delay: Duration,
    /// By how much the longest delay grows with each failure; at least 1. Default: 2.
    pub factor: f64,
    /// Attempts in a row, the first included, without a connection that lasted [`stable_after`](Self::stable_after).
    /// `None`: no limit. Default: no limit.
    pub max_attempts: Option<u32>,
    /// How long a connection must last before the failures before it are forgotten. Default: 5 s. A durable session that goes
    /// on forgets them, too, as soon as it gets on: a message is taken, or a new one arrives.
    pub stable_after: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            min_delay: Duration::from_millis(250),
            max_delay: Duration::from_secs(30),
            factor: 2.0,
            max_attempts: None,
            stable_after: Duration::from_secs(5),
        }
    }
}

/// A message of the application's own that the server answers: how a page notices that a link is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// How long nothing may be heard before the heartbeat message goes out.
    pub interval: Duration,
    /// How long nothing may be heard after it before the link counts as dead.
    pub timeout: Duration,
}

/// What a session is told at its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Durable {
    /// The application's subprotocols, the most wanted first. They travel in the session's first frame.
    pub protocols: Vec<String>,
    /// What happens when the server has lost the session. Default: the application gets back what may be lost.
    pub on_session_lost: OnSessionLost,
    /// Trust the browser with dead links, whatever the server says of its heartbeat. Default: no.
    pub trusts_silence: bool,
}

impl Durable {
    /// A session for an application that offers these subprotocols, with the defaults.
    pub fn new(protocols: Vec<String>) -> Self {
        Self {
            protocols,
            ..Self::default()
        }
    }
}

/// What becomes of messages that had gone out when the server lost the session, so that nobody knows whether they arrived.
/// Those that never went out go out in the new session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnSessionLost {
    /// The application gets them back.
    #[default]
    Return,
    /// They are sent again: at least once, then. Not after the server refused the credentials (4401) meanwhile: whoever is
    /// logged in now may be somebody else.
    Resend,
    /// The socket closes for good, as if each session were a connection, and hands back everything.
    End,
}

/// Bounds of the outbox, and what happens to a message that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outbox {
    /// Messages at most. Default: 1,024.
    pub messages: usize,
    /// Bytes at most, all messages together. Default: 16 MiB.
    pub bytes: usize,
    /// What happens to a message that does not fit. Default: it waits.
    pub overflow: OutboxOverflow,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            messages: 1024,
            bytes: 16 << 20,
            overflow: OutboxOverflow::Wait,
        }
    }
}

/// What happens to a message that does not fit into the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutboxOverflow {
    /// The sender waits until there is room.
    #[default]
    Wait,
    /// The message is refused.
    Reject,
    /// The oldest messages make room for it.
    DropOldest,
}

/// Bounds of the inbox, and what happens when more arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inbox {
    /// Messages at most. Default: 4,096.
    pub messages: usize,
    /// Bytes at most, all messages together. Default: 64 MiB.
    pub bytes: usize,
    /// What happens when more arrives. Default: the socket closes, with an error that says so.
    pub overflow: InboxOverflow,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            messages: 4096,
            bytes: 64 << 20,
            overflow: InboxOverflow::Close,
        }
    }
}

/// What happens when more arrives than the inbox holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InboxOverflow {
    /// The socket closes for good with [`Failure::Overflow`].
    #[default]
    Close,
    /// The oldest messages make room.
    DropOldest,
}

/// What a close code asks for, where the application has no opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Retry(Pace),
    /// Ask for fresh credentials once; the second time it is final.
    Reauthorize,
    Final(Failure),
}

pub(super) const fn verdict(code: u16, durable: bool) -> Verdict {
    match code {
        4400 if durable => Verdict::Final(Failure::Protocol),
        4409 if durable => Verdict::Final(Failure::Superseded),
        4413 if durable => Verdict::Final(Failure::TooBig),
        // The same bytes would fail again.
        1002 | 1007 => Verdict::Final(Failure::Protocol),
        1009 => Verdict::Final(Failure::TooBig),
        1012 => Verdict::Retry(Pace::Restart),
        1013 | 4429 => Verdict::Retry(Pace::Overload),
        // 3000 is the registered code for it, 4401 the one of durable sessions.
        3000 | 4401 => Verdict::Reauthorize,
        _ => Verdict::Retry(Pace::Usual),
    }
}

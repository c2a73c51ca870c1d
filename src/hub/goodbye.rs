//! How connections and sessions are closed: codes and words.

use alloc::borrow::Cow;

use crate::session::{Bye, Control};

/// What a close frame has room for beside its code, in bytes.
pub(crate) const REASON_BYTES: usize = 123;
/// What a connection is told when its server stops.
pub(crate) const GOING_AWAY: &str = "the server is going away";
/// What it is told whose page may not connect.
pub(crate) const FOREIGN: &str = "origin not allowed";
/// What it is told that says nothing.
pub(crate) const SILENT: &str = "no HELLO in time";
/// What it is told for which there is no session.
pub(crate) const FULL: &str = "too many sessions";
/// Why a session has ended that its client never used.
pub(crate) const MADE_ROOM: &str = "made room for others";
/// Why one has ended that waited for its client and held too much.
pub(crate) const NO_ROOM: &str = "no room to keep it";

/// How a connection is to be closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Goodbye {
    pub(crate) code: u16,
    pub(crate) reason: Cow<'static, str>,
}

impl Goodbye {
    pub(crate) fn new(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    /// With a code that a close frame may have. The client finds out about the rest when it comes back.
    pub(crate) fn sendable(mut self) -> Self {
        if self.code == 1006 {
            self.code = 1001;
        }
        self
    }
}

/// Whether a close with this code says that the same would happen again: no client comes back after it.
pub(crate) const fn is_fatal(code: u16) -> bool {
    matches!(code, 1002 | 1007 | 1009 | 4400 | 4413)
}

/// The same as the BYE that it stands for.
pub(crate) fn bye(code: u16, reason: &str) -> Bye {
    Bye {
        code: code.into(),
        reason: clip(reason, REASON_BYTES).into(),
    }
}

/// A BYE may carry a novel; what is remembered of it is short.
pub(crate) fn clipped(control: Control) -> Control {
    match control {
        Control::Bye(mut bye) => {
            bye.reason = clip(&bye.reason, REASON_BYTES).into();
            Control::Bye(bye)
        }
        other => other,
    }
}

/// Whether clients that come back are told of an end with this code. Otherwise they get new sessions.
pub(crate) const fn is_remembered(code: u16) -> bool {
    code != 1006
}

/// The code of an application's close: 1000, or one of its own.
pub(crate) const fn of_application(code: u16) -> u16 {
    if matches!(code, 3000..=4999) { code } else { 1000 }
}

/// The code of a server's: any that a close frame may say.
pub(crate) const fn of_server(code: u16) -> u16 {
    if matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        code
    } else {
        1000
    }
}

/// At most so many bytes of it.
pub(crate) fn clip(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len()))
        .rev()
        .find(|&end| text.is_char_boundary(end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

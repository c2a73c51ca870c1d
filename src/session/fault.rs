//! What a peer can do wrong, and the close code that it gets for it.

use super::frame::Malformed;

/// A rule that the other end broke. It ends the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A frame that is none.
    Malformed,
    /// A frame that may not come now.
    Unexpected,
    /// A message further on than the next one.
    Gap,
    /// A message that begins past the limit.
    PastLimit,
    /// An acknowledgement of what was never sent, or of part of a message.
    BadAcknowledgement,
    /// A message larger than this end takes.
    TooBig,
}

impl Fault {
    /// The close code.
    pub const fn code(self) -> u16 {
        match self {
            Self::TooBig => 4413,
            _ => 4400,
        }
    }

    /// The close reason.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "malformed frame",
            Self::Unexpected => "unexpected frame",
            Self::Gap => "message missing",
            Self::PastLimit => "message past the limit",
            Self::BadAcknowledgement => "bad acknowledgement",
            Self::TooBig => "message too big",
        }
    }
}

impl From<Malformed> for Fault {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

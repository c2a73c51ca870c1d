//! What the machine tells the application: states, events, figures.

use alloc::string::String;
use core::time::Duration;

use super::error::Failure;
use super::queue::Load;

/// Where a socket stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum State {
    /// An attempt is under way.
    #[default]
    Connecting,
    /// Connected.
    Open,
    /// Not connected, until the next attempt.
    Waiting,
    /// Closed for good.
    Closed,
}

impl State {
    /// The state's name: `connecting`, `open`, `waiting` or `closed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Open => "open",
            Self::Waiting => "waiting",
            Self::Closed => "closed",
        }
    }
}

/// How a connection ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Close {
    /// The close code; 1006 where there was none because the link broke.
    pub code: u16,
    /// The reason, as the other side gave it.
    pub reason: String,
    /// Whether both sides closed in an orderly way.
    pub was_clean: bool,
}

impl Close {
    /// The end of a connection that broke.
    pub fn abnormal() -> Self {
        Self {
            code: 1006,
            ..Self::default()
        }
    }
}

/// Something the application is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The state changed, or while waiting, the time or cause of the wait.
    StateChange {
        /// The state now.
        state: State,
        /// The state before.
        previous: State,
        /// The time until the next attempt, where one is set.
        retry_in: Option<Duration>,
        /// Why, where something failed.
        cause: Option<Failure>,
    },
    /// A connection is open.
    Open {
        /// Whether it goes on with a session; never on a plain WebSocket.
        resumed: bool,
    },
    /// The server has lost the session, and a new one begins.
    SessionLost {
        /// How many messages went out and were not known to be taken: nobody can tell what became of them. The oldest of
        /// the outbox.
        unknown: usize,
        /// They are to be taken out of the outbox and given back to the application; otherwise they are sent again.
        returned: bool,
    },
    /// An open connection was lost, and will be tried again.
    Disconnected {
        /// How it ended.
        close: Close,
        /// The time until the next attempt, where one is set.
        retry_in: Option<Duration>,
    },
    /// The socket is closed for good. The last event, told once.
    Closed {
        /// How it ended.
        close: Close,
        /// Why, where it was not the caller's `close`.
        failure: Option<Failure>,
    },
}

/// Figures about a socket, from its start to now.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Where it stands.
    pub state: State,
    /// Attempts to connect.
    pub attempts: u32,
    /// Connections opened after the first one.
    pub reconnects: u32,
    /// Messages handed to the browser.
    pub sent: u64,
    /// Messages that arrived.
    pub received: u64,
    /// Accepted and not yet handed on; in a session, not yet taken by the other application.
    pub outbox: Load,
    /// Arrived and not yet taken.
    pub inbox: Load,
    /// Messages of a session that went out and are not known to be taken; 0 on a plain WebSocket.
    pub unacknowledged: usize,
    /// How long the server's last answer to a HELLO or a PING took; `None` on a plain WebSocket.
    pub rtt: Option<Duration>,
    /// How the last connection ended.
    pub last_close: Option<Close>,
}

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
    Open,
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
    /// Accepted and not yet handed on.
    pub outbox: Load,
    /// Arrived and not yet taken.
    pub inbox: Load,
    /// How the last connection ended.
    pub last_close: Option<Close>,
}

//! WebSockets that don't let go.
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "browser")]
mod browser;
#[cfg(feature = "channel")]
mod channel;
#[cfg(feature = "std")]
pub mod codec;
#[cfg(feature = "js")]
pub mod js;
pub mod proto;

#[cfg(feature = "channel")]
pub use channel::{
    Attempt, Builder, CloseError, Closed, Closing, ConnectError, Event, Events, Receiver, SendError, Sender, Socket,
    SplitError,
};
#[cfg(feature = "std")]
pub use codec::Payload;
pub use proto::{Close, Failure, Inbox, InboxOverflow, Outbox, OutboxOverflow, Reconnect, State, Stats};

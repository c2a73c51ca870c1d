//! The Rust face: a [`Socket`] whose messages go in at a [`Sender`] and come out of a [`Receiver`].
//!
//! The handles are `Send + Sync` and share one `Core` (the machine and its two queues, behind a lock that is never held
//! while a waker or user code runs). One small task, spawned by [`Builder::connect`], owns the reactor with the browser's
//! objects and carries what the handles put into the core out to it, in batches.

mod builder;
mod core;
mod driver;
mod error;
mod event;
mod receiver;
mod sender;
mod socket;

pub use builder::{Attempt, Builder};
pub use error::{CloseError, Closed, ConnectError, SendError, SplitError};
pub use event::{Event, Events};
pub use receiver::Receiver;
pub use sender::{Closing, Sender};
pub use socket::Socket;

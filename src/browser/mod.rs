//! The only place that knows the browser: its WebSocket, its timers, its page.
//!
//! A [`Reactor`] drives the machine of [`proto`](crate::proto) from the browser's own callbacks and spawns nothing. What
//! the face does (where payloads are kept, how the application is told) is behind [`Host`]. The npm package has a driver
//! of its own, in JavaScript: `pkg-template/reactor.js`.

mod clock;
mod listener;
mod page;
mod reactor;
mod socket;
mod text;
#[cfg(feature = "channel")]
mod url;

pub(crate) use reactor::{Host, Reactor};
#[cfg(feature = "channel")]
pub(crate) use socket::connect;
#[cfg(feature = "channel")]
pub(crate) use url::{ProtocolError, UrlError, check_protocols, resolve};

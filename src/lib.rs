//! WebSockets that don't let go: typed async channels over the browser's WebSocket, which connect again by themselves.
//!
//! ```no_run
//! # use serde::{Deserialize, Serialize};
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use tautline::Socket;
//!
//! #[derive(Serialize)]
//! enum Outgoing {
//!     Hello,
//! }
//!
//! #[derive(Debug, Deserialize)]
//! struct Incoming {
//!     text: String,
//! }
//!
//! let socket = Socket::<Incoming, Outgoing>::builder("wss://example.com/chat").connect()?;
//! let (mut sender, mut receiver) = socket.split();
//! sender.send(Outgoing::Hello).await?; // waits while the outbox is full
//! while let Some(message) = receiver.next().await {
//!     match message {
//!         Ok(message) => println!("{}", message.text),
//!         Err(error) => eprintln!("{error}"), // one bad message is not the end
//!     }
//! }
//! println!("{}", socket.closed().await); // and why
//! # Ok(())
//! # }
//! ```
//!
//! # What happens when the link breaks
//!
//! The socket goes from [`State::Open`] to [`State::Waiting`], tells [`Event::Disconnected`], and tries again: after a
//! random delay that grows from 250 ms to 30 s ([`Reconnect`]), at once when somebody looks at the page again, and not at
//! all while the browser is offline. [`Builder::url_with`] asks for a fresh URL before each attempt. What is final, and
//! why, is a [`Failure`].
//!
//! # Durable sessions
//!
//! With [`Builder::durable`] both ends number their messages, keep them until the application at the other end has
//! *taken* them, and send the rest again on the next connection. The server has to speak `tautline.v1`: one made with
//! the feature `server`, or any that is written from [PROTOCOL.md]. Others fail with [`Failure::Unsupported`], or where
//! a browser tells no more, with [`Failure::Refused`].
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use tautline::{Event, Socket};
//!
//! let socket = Socket::<String>::builder("wss://example.com/orders").durable().connect()?;
//! let mut events = socket.events();
//! let (mut sender, _) = socket.split(); // without a receiver, what arrives is discarded
//! sender.send("order 42".into()).await?; // accepted: it arrives once, or you are told
//! sender.flush().await?; // the server's application has taken it
//! while let Some(event) = events.next().await {
//!     if let Event::SessionLost { unacknowledged, .. } = event {
//!         eprintln!("of {} messages nobody knows whether they arrived", unacknowledged.len()); // you decide
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! **In a durable session: exactly once, in order**, both ways, as long as the server keeps the session: for two
//! minutes without a connection, unless it is told otherwise. Taken is what came out of the [`Receiver`]; whether the
//! other application has acted on it, only that application can say. Where the server has lost the session, since the
//! outage was longer or it restarted, you are told, never left in the dark: [`Event::SessionLost`] has the messages
//! that had gone out and whose outcome nobody knows, [`Sender::flush`] fails with [`SendError::SessionLost`] if it
//! waited for one of them, and what never went out goes out in the new session. With [`OnSessionLost::Resend`] the
//! former go out again, too: at least once, then. A session that ends for good hands back what is not known to be taken
//! in [`Closed::unacknowledged`].
//!
//! **Against a plain WebSocket server: at most once, in order.** What [`Sender::send`] accepts while there is no link
//! waits for the next one and is not lost. What was handed to the browser ([`Sender::flush`]) when the link died may be
//! lost: a page can't see how much of it arrived. The browser is handed 4 MiB at a time, so never more than that and
//! one message. [`Closed::unacknowledged`] hands back what never went out.
//!
//! # Everything is bounded
//!
//! | bound | default | past it | in a durable session |
//! | --- | --- | --- | --- |
//! | [`Outbox`] | 1,024 messages, 16 MiB | `send` waits; or refuses; or drops the oldest | counts until taken, drops nothing |
//! | [`Inbox`] | 4,096 messages, 64 MiB | the socket closes with [`Failure::Overflow`]; or drops the oldest | is the window: the server waits |
//! | [`Builder::connect_timeout`] | 10 s | the attempt failed | the greeting included |
//! | [`Socket::close`] | 5 s | what is left comes back in [`Closed::unacknowledged`] | waits until all is taken |
//!
//! # Where it runs
//!
//! In windows and in workers of every browser, and wherever else there is a `WebSocket` and an executor for
//! `wasm-bindgen-futures`. Its handles are `Send + Sync`, so they fit the state of Leptos, Dioxus and Yew. Nothing is
//! spawned but one small task for each socket; everything ends, closures and listeners too, when the last handle is
//! dropped.
//!
//! # Features
//!
//! | feature | what it brings | default |
//! | --- | --- | --- |
//! | `channel` | [`Socket`] and its parts | yes |
//! | `json` | [`codec::Json`], on serde_json | yes |
//! | `js-json` | [`codec::JsJson`], on the page's own `JSON` and serde-wasm-bindgen | yes |
//! | `server` | `tautline::server`, the other end of durable sessions, on tokio; native targets only | no |
//! | `hub` | `tautline::hub`, all sessions of a server as a pure state machine | no |
//! | `js`, `js-server` | the JavaScript face and the server's half, for the npm package | no |
//!
//! Without any of them there are [`proto`], the connection as a pure state machine, and [`session`], what durable
//! sessions owe, both on `core` and `alloc` alone.
//!
//! # Servers
//!
//! The module `tautline::server` (feature `server`, for native targets) is the other end of durable sessions:
//! `Sessions` serves connections of any WebSocket library, and a `Session` is one client, over as many connections as
//! it takes, with typed `send` and `recv`.
//!
//! [PROTOCOL.md]: https://github.com/tautline/tautline/blob/main/PROTOCOL.md

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "browser")]
mod browser;
#[cfg(feature = "channel")]
mod channel;
#[cfg(feature = "std")]
pub mod codec;
#[cfg(feature = "hub")]
pub mod hub;
#[cfg(feature = "js")]
pub mod js;
#[cfg(feature = "js-server")]
pub mod js_server;
pub mod proto;
#[cfg(all(feature = "server", not(target_arch = "wasm32")))]
pub mod server;
pub mod session;

#[cfg(feature = "channel")]
pub use channel::{
    Attempt, Builder, CloseError, Closed, Closing, ConnectError, Event, Events, Receiver, SendError, Sender, Socket,
    SplitError,
};
#[cfg(feature = "std")]
pub use codec::Payload;
pub use proto::{
    Close, Failure, Inbox, InboxOverflow, Load, OnSessionLost, Outbox, OutboxOverflow, Reconnect, State, Stats,
};

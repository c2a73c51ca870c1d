//! Durable sessions for servers: every message exactly once and in order, both ways, over as many connections as it takes.
//!
//! A client that connects with `durable` offers the WebSocket subprotocol [`PROTOCOL`](crate::session::PROTOCOL), alone. The
//! server selects it and hands the connection to [`Sessions::serve`], as a stream and a sink of [`Message`]s: any WebSocket
//! library will do. The first connection of a client makes a [`Session`], which the application has from then on, whatever
//! becomes of the connection. All of it with axum:
//!
//! ```no_run
//! use std::net::SocketAddr;
//!
//! use axum::extract::ws::{self, WebSocket, WebSocketUpgrade};
//! use axum::extract::{ConnectInfo, State};
//! use axum::http::{HeaderMap, HeaderValue, StatusCode};
//! use axum::response::{IntoResponse, Response};
//! use axum::{Router, routing};
//! use futures_util::{Sink, SinkExt, Stream, StreamExt};
//! use tautline::server::{Message, Peer, Session, Sessions};
//! use tautline::session::PROTOCOL;
//! use tungstenite::error::ProtocolError; // of the version that axum uses
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let sessions = Sessions::<String>::builder().allow_origin("https://example.com").build();
//!     let router = Router::new().route("/echo", routing::get(upgrade)).with_state(sessions);
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:9020").await?;
//!     axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await
//! }
//!
//! async fn upgrade(
//!     State(sessions): State<Sessions<String>>,
//!     ConnectInfo(address): ConnectInfo<SocketAddr>,
//!     headers: HeaderMap,
//!     upgrade: WebSocketUpgrade,
//! ) -> Response {
//!     // An origin that can't be read is not none.
//!     let origin = headers.get("origin").map(HeaderValue::to_str).transpose();
//!     let Some(origin) = origin.ok().filter(|origin| sessions.allows(*origin)) else {
//!         return StatusCode::FORBIDDEN.into_response();
//!     };
//!     let peer = Peer { origin: origin.map(String::from), principal: None, address: Some(address.ip()) };
//!     upgrade
//!         .protocols([PROTOCOL])
//!         .max_message_size((1 << 20) + (64 << 10)) // the largest message, and 64 KiB more
//!         .on_upgrade(async move |socket| {
//!             sessions.serve(frames(socket), peer, talk).await;
//!         })
//! }
//!
//! /// The application: one call for each session.
//! async fn talk(session: Session<String>) {
//!     while let Some(message) = session.recv().await {
//!         match message {
//!             Ok(text) => {
//!                 if session.send(text).await.is_err() {
//!                     break;
//!                 }
//!             }
//!             Err(error) => eprintln!("{}: {error}", session.id()),
//!         }
//!     }
//! }
//!
//! /// axum's WebSocket as sessions take it.
//! fn frames(
//!     socket: WebSocket,
//! ) -> impl Stream<Item = Result<Message, axum::Error>> + Sink<Message, Error = axum::Error> + Send {
//!     let outgoing = async |message| {
//!         Ok(match message {
//!             Message::Text(text) => ws::Message::Text(text.into()),
//!             Message::Binary(bytes) => ws::Message::Binary(bytes.into()),
//!             Message::Close(frame) => ws::Message::Close(
//!                 frame.map(|(code, reason)| ws::CloseFrame { code, reason: reason.into() }),
//!             ),
//!             Message::Control | Message::Broken(..) => ws::Message::Pong(Default::default()),
//!         })
//!     };
//!     socket.with(outgoing).map(|item| item.map(incoming).or_else(broken))
//! }
//!
//! fn incoming(message: ws::Message) -> Message {
//!     match message {
//!         ws::Message::Text(text) => Message::Text(text.as_str().into()),
//!         ws::Message::Binary(bytes) => Message::Binary(bytes.into()),
//!         ws::Message::Close(frame) => Message::Close(frame.map(|frame| (frame.code, frame.reason.as_str().into()))),
//!         ws::Message::Ping(_) | ws::Message::Pong(_) => Message::Control,
//!     }
//! }
//!
//! /// What the library refuses to read would come again and again: the session ends. All else is a lost connection.
//! fn broken(error: axum::Error) -> Result<Message, axum::Error> {
//!     let code = match std::error::Error::source(&error).and_then(|cause| cause.downcast_ref()) {
//!         Some(tungstenite::Error::Capacity(_)) => 1009,
//!         Some(tungstenite::Error::Utf8(_)) => 1007,
//!         Some(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => return Err(error),
//!         Some(tungstenite::Error::Protocol(_)) => 1002,
//!         _ => return Err(error),
//!     };
//!     Ok(Message::Broken(code, error.to_string()))
//! }
//! ```
//!
//! # What is promised
//!
//! What [`Session::send`] accepts, the client's application gets exactly once and in order, and what the client's application
//! sends, [`Session::recv`] gives exactly once and in order; as long as the client comes back within the resume time
//! ([`Builder::resume`], 120 s) and the store keeps the session. [`Session::flush`] waits until the client's application has
//! taken all. Past that, [`Ended::unacknowledged`] hands back what nobody is known to have taken. Two applications that both
//! only send and never take wait for each other for ever.
//!
//! A message counts as taken when `recv` returns it. What an application does with it afterwards is its own: if the process
//! dies in the middle of that, the message is not sent again.
//!
//! # Everything is bounded
//!
//! | bound | default | past it |
//! | --- | --- | --- |
//! | [`Builder::window`] | 1,024 positions | the client waits; one that doesn't is closed with 4400 |
//! | [`Builder::max_message`] | 1 MiB | 4413 |
//! | [`Builder::outbox`] | 4,096 messages, 16 MiB | [`Session::send`] waits |
//! | [`Builder::max_sessions`] | 10,000 | those that were never used make room; new ones are closed with 4429 |
//! | [`Builder::max_sessions_per_address`], [`Builder::max_sessions_per_principal`] | none | 4429 |
//! | [`Builder::max_held_bytes`] | 1 GiB | [`Session::send`] waits until what was sent before is taken; clients go on, each within its window |
//! | [`Builder::max_detached_bytes`] | 256 MiB | the last one detached of whoever holds most ends |
//! | [`Builder::handshake_timeout`] | 5 s | 4408 |
//! | [`Builder::probe`] | 5 s, after twice the heartbeat of silence | the connection is closed with 1001; the session waits |
//! | [`Builder::close_timeout`] | 5 s | [`Session::close`] waits no longer for what was sent to be taken |
//! | [`Builder::resume`] | 120 s | a session without a connection ends |
//!
//! # Who may resume
//!
//! Whoever has the token, connects from the origin that made the session, and is the same [principal](Peer::principal). Tokens
//! are 256 random bits, go to the client only, and are kept by their digest ([`Key`]). Check credentials before the upgrade, as
//! for any request; put who it is into the `Peer`. Don't turn on `permessage-deflate`: it would leak the token, and inflate past
//! the limits.
//!
//! # Several processes
//!
//! With a [`Store`] that they share, a client may come back to any of them, and to the next process after a restart
//! ([`Shutdown::Detach`]): it is that process's [`Session`] then, with [`is_restored`](Session::is_restored), and the old one
//! ends with 4409. Nothing is given to an application, acknowledged or sent before the store has it; a store that can't be
//! asked closes connections with 4429, and clients come again. [`MemoryStore`] does all of that within one process.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod builder;
mod commit;
mod connection;
mod core;
mod event;
mod halves;
mod held;
mod memory;
mod message;
mod outbox;
mod outcome;
mod registry;
mod serve;
mod session;
mod sessions;
mod state;
mod store;
mod token;
mod welcome;

pub use builder::Builder;
pub use event::{Ended, Event, Events};
pub use memory::MemoryStore;
pub use message::{Message, Parting};
pub use session::{SendError, Sender, Session};
pub use sessions::{Sessions, Shutdown};
pub use store::{Claim, Claimed, Commit, Store, StoreError, Stored, Tombstone, Verdict};

#[doc(inline)]
pub use crate::hub::{Identity, Key, Peer, Stats};

//! What a client is to the works: two ends of a connection. One file a client, each written as its documentation says; a
//! feature chooses the one that is compiled.

#[cfg(feature = "ewebsock")]
mod ewebsock;
#[cfg(feature = "gloo-net")]
mod gloo_net;
#[cfg(feature = "tautline")]
mod tautline;
#[cfg(not(feature = "tautline"))]
mod text;
#[cfg(feature = "tokio-tungstenite-wasm")]
mod tokio_tungstenite_wasm;
#[cfg(feature = "ws_stream_wasm")]
mod ws_stream_wasm;

#[cfg(feature = "ewebsock")]
pub(crate) use self::ewebsock::Ewebsock as Chosen;
#[cfg(feature = "gloo-net")]
pub(crate) use self::gloo_net::GlooNet as Chosen;
#[cfg(feature = "tautline")]
pub(crate) use self::tautline::{Coded, Tautline as Chosen};
#[cfg(not(feature = "tautline"))]
pub(crate) use self::text::Coded;
#[cfg(feature = "tokio-tungstenite-wasm")]
pub(crate) use self::tokio_tungstenite_wasm::TokioTungsteniteWasm as Chosen;
#[cfg(feature = "ws_stream_wasm")]
pub(crate) use self::ws_stream_wasm::WsStreamWasm as Chosen;

use crate::Result;

#[cfg(not(any(
    feature = "ewebsock",
    feature = "gloo-net",
    feature = "tautline",
    feature = "tokio-tungstenite-wasm",
    feature = "ws_stream_wasm"
)))]
compile_error!("choose a client: --features gloo-net, for one");

/// A client of WebSockets.
pub(crate) trait Client {
    /// Whether its messages survive a cut.
    const DURABLE: bool = false;

    type Sender<P: Coded>: Sender<P>;
    type Receiver<P: Coded>: Receiver<P>;

    /// Connects, and returns when messages can be sent.
    async fn connect<P: Coded>(url: &str) -> Result<Ends<P, Self>>;

    /// Ends the connection.
    async fn close<P: Coded>(ends: Ends<P, Self>) -> Result<()>;
}

/// Where messages go in.
pub(crate) trait Sender<P: Coded> {
    /// Sends a message, and returns when there is room for another.
    async fn send(&mut self, message: P::Out) -> Result<()>;
}

/// Where messages come out.
pub(crate) trait Receiver<P: Coded> {
    /// Takes the next message, and gives its number.
    async fn receive(&mut self, payload: &P) -> Result<u32>;
}

/// Both ends of a connection.
pub(crate) struct Ends<P: Coded, C: Client + ?Sized = Chosen> {
    pub(crate) sender: C::Sender<P>,
    pub(crate) receiver: C::Receiver<P>,
}

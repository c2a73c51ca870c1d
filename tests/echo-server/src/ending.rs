//! The ways a connection ends, and how each is done on the wire. `echo` decides on one; `faults` and `control` ask
//! for one.

use std::{pin::pin, time::Duration};

use futures_util::StreamExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    time,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        error::{CapacityError, ProtocolError},
        protocol::CloseFrame,
    },
};
use tokio_util::sync::CancellationToken;

use crate::{
    names::{Line, Membership},
    wire::Wire,
};

pub(crate) type Socket = WebSocketStream<Wire>;

/// What a close frame has room for beside its code, in bytes.
pub(crate) const REASON_MAX: usize = 123;
/// How long to wait for the client's answer to a close frame, and for what it still had under way.
pub(crate) const CLOSE_WAIT: Duration = Duration::from_secs(3);
/// How long a client must send nothing to be taken for done.
const QUIET: Duration = Duration::from_millis(100);
/// How often a silent connection looks whether the client has left.
const SILENT_LOOK: Duration = Duration::from_millis(500);

/// A way to end a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// A close frame, and the closing handshake.
    Close { code: u16, reason: String },
    /// A TCP reset.
    Reset,
    /// The end of the TCP stream, without a close frame.
    Drop,
    /// The TCP connection stays, and nothing is read from it or written to it any more.
    Silent,
}

impl Ending {
    pub(crate) fn close(code: u16, reason: impl Into<String>) -> Self {
        Self::Close {
            code,
            reason: reason.into(),
        }
    }
}

/// How a conversation came to its end.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The client closed, and was answered.
    Closed,
    /// The client is gone, and sent no close frame.
    Lost,
    /// The client broke a rule: close with this code, and don't read frames any more.
    Broken { code: u16, reason: String },
    /// The server ends it.
    End(Ending),
}

impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        match error {
            Error::ConnectionClosed | Error::AlreadyClosed => Self::Closed,
            Error::Io(_) | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Lost,
            Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => Self::too_big(max_size),
            Error::Utf8(_) => Self::Broken {
                code: 1007,
                reason: "a text message is not UTF-8".into(),
            },
            error => Self::Broken {
                code: 1002,
                reason: error.to_string(),
            },
        }
    }
}

impl Outcome {
    pub(crate) fn too_big(max_message: usize) -> Self {
        Self::Broken {
            code: 1009,
            reason: format!("messages may have at most {max_message} bytes"),
        }
    }
}

/// Ends a connection; when this returns, the socket is ready to be dropped.
pub(crate) async fn carry_out(
    mut outcome: Outcome,
    socket: &mut Socket,
    orders: &mut Line<Ending>,
    stop: &CancellationToken,
    membership: &Membership,
) {
    if matches!(outcome, Outcome::End(Ending::Silent)) {
        outcome = silence(socket, orders, stop).await;
    }
    match outcome {
        Outcome::Closed | Outcome::End(Ending::Silent) => {}
        Outcome::Lost => membership.lost(),
        Outcome::Broken { code, reason } => {
            let _ = time::timeout(CLOSE_WAIT, socket.close(Some(close_frame(code, &reason)))).await;
            hang_up_when_quiet(socket.get_mut()).await;
        }
        Outcome::End(Ending::Close { code, reason }) => close(socket, close_frame(code, &reason), membership).await,
        Outcome::End(Ending::Drop) => hang_up(socket.get_mut()).await,
        Outcome::End(Ending::Reset) => {
            // What makes the kernel answer with RST when the socket is closed, and forget what it had yet to send.
            if let Err(error) = socket.get_ref().tcp().set_zero_linger() {
                tracing::warn!(%error, "could not prepare a reset");
            }
        }
    }
}

/// The closing handshake, from this side.
async fn close(socket: &mut Socket, frame: CloseFrame, membership: &Membership) {
    let handshake = async {
        socket.close(Some(frame)).await?;
        while let Some(item) = socket.next().await {
            if let Message::Close(frame) = item? {
                membership.closed(frame.as_ref());
                // One more turn reads the end; there is nothing left to say.
                return Ok(());
            }
        }
        Err(Error::ConnectionClosed)
    };
    match time::timeout(CLOSE_WAIT, handshake).await {
        Ok(Ok(())) => {}
        // The client is in the middle of something that can't be read: let it find the close frame.
        Ok(Err(Error::Capacity(_) | Error::Protocol(_) | Error::Utf8(_))) => hang_up_when_quiet(socket.get_mut()).await,
        Ok(Err(_)) | Err(_) => membership.lost(),
    }
}

/// Ends the stream towards the client, and reads on for a while: closing a socket that has unread data would send a
/// reset, which can overtake the close frame.
async fn hang_up(wire: &mut Wire) {
    let drain = async {
        if wire.shutdown().await.is_ok() {
            discard(wire).await;
        }
    };
    let _ = time::timeout(CLOSE_WAIT, drain).await;
}

/// Hangs up once the client has gone quiet: it has then sent what it was in the middle of, and the answer to the
/// close frame, which can't be read any more.
async fn hang_up_when_quiet(wire: &mut Wire) {
    let quiet = async {
        loop {
            let received = wire.received();
            let over = time::timeout(QUIET, discard(wire)).await.is_ok();
            if over || wire.received() == received {
                return;
            }
        }
    };
    let _ = time::timeout(CLOSE_WAIT, quiet).await;
    hang_up(wire).await;
}

/// Reads to the end of the stream, and keeps nothing.
async fn discard(wire: &mut Wire) {
    let mut bytes = vec![0; 16 * 1024];
    while wire.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
}

/// Holds the connection and does nothing with it, until an order ends it, the client leaves or the server stops.
async fn silence(socket: &Socket, orders: &mut Line<Ending>, stop: &CancellationToken) -> Outcome {
    let tcp = socket.get_ref().tcp();
    let mut left = pin!(async {
        loop {
            time::sleep(SILENT_LOOK).await;
            // Reads nothing; data that waits makes this ready at once.
            let look = time::timeout(SILENT_LOOK, tcp.ready(Interest::READABLE)).await;
            if matches!(look, Ok(Ok(ready)) if ready.is_read_closed()) {
                return;
            }
        }
    });
    loop {
        tokio::select! {
            () = &mut left => return Outcome::Lost,
            () = stop.cancelled() => return Outcome::End(Ending::Silent),
            Some(order) = orders.recv() => {
                if order != Ending::Silent {
                    return Outcome::End(order);
                }
            }
        }
    }
}

fn close_frame(code: u16, reason: &str) -> CloseFrame {
    let mut end = reason.len().min(REASON_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    CloseFrame {
        code: code.into(),
        reason: reason[..end].into(),
    }
}

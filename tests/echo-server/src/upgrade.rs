//! Opens the WebSockets of `/echo`, `/push` and `/sink`: has the handshake checked, plays the faults that come before it is
//! answered, and hands the open WebSocket to a conversation. Called by `http`.
//!
//! `converse` chooses the conversation: a durable one where the client offers that, alone, and else a plain one.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tautline::{server::Peer, session::PROTOCOL};
use tokio::{io::AsyncWriteExt, time};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::protocol::{Role, WebSocketConfig},
};

use crate::{
    durable, echo,
    ending::Socket,
    faults::{Faults, Wishes},
    frame, handshake,
    names::{Membership, Name},
    server::{Shared, Slot},
    wire::{Hold, Wire},
    work::Place,
};

/// What a frame may have beyond the largest message: the envelope of several messages, and the frame's own header.
const FRAME_EXTRA: usize = 64 * 1024 + 14;

/// What is asked for at once, however large the message. Each connection has it for as long as it is open; where more arrives its
/// `Wire` reads ahead.
const READ_BUFFER: usize = 4 * 1024;

/// Answers `GET /echo`, `/push` and `/sink`.
pub(crate) async fn answer(place: Place, State(shared): State<Arc<Shared>>, mut request: Request) -> Response {
    match open(place, &shared, &mut request).await {
        Ok(response) => response,
        Err(refusal) => {
            tracing::info!(status = refusal.status().as_u16(), uri = %request.uri(), "upgrade refused");
            refusal
        }
    }
}

async fn open(place: Place, shared: &Arc<Shared>, request: &mut Request) -> Result<Response, Response> {
    let mut wishes = Wishes::parse(place, request.uri().query()).map_err(IntoResponse::into_response)?;
    let accept = handshake::accept_value(request).map_err(IntoResponse::into_response)?;
    let offered = handshake::offered(request.headers());
    let is_durable = offered == [PROTOCOL];
    wishes.suit(place, is_durable).map_err(IntoResponse::into_response)?;
    let selected = if is_durable {
        Some(HeaderValue::from_static(PROTOCOL))
    } else {
        handshake::selected(&offered, &shared.config.protocols, &wishes.protocols)
            .and_then(|protocol| HeaderValue::from_str(protocol).ok())
    };
    let origin = request
        .headers()
        .get(header::ORIGIN)
        .and_then(|origin| origin.to_str().ok());
    let peer = is_durable.then(|| Peer {
        origin: origin.map(String::from),
        principal: wishes.durable.principal.clone(),
        address: None,
    });

    let name = wishes.name.as_deref().map(|name| shared.names.remember(name));
    if let Some(name) = &name {
        let attempt = name.attempt(&offered);
        if wishes.times.is_some_and(|times| attempt > times) {
            wishes.faults = Faults::default();
        }
    }
    let refused = |status: StatusCode, text: &'static str| {
        if let Some(name) = &name {
            name.refused();
        }
        (status, text).into_response()
    };
    if let Some(status) = name.as_ref().and_then(|name| name.refusal()) {
        return Err(refused(status, "refused, as ordered under /faults\n"));
    }
    // Taken before the delay: those that wait count, too.
    let Some(slot) = shared.slot() else {
        return Err(refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many connections: --max-connections is reached\n",
        ));
    };
    if !wishes.faults.delay.is_zero() {
        tokio::select! {
            () = time::sleep(wishes.faults.delay) => {}
            () = shared.stop.cancelled() => {
                return Err(refused(StatusCode::SERVICE_UNAVAILABLE, "the server is going away\n"));
            }
        }
    }
    if let Some(status) = wishes.faults.refuse {
        return Err(refused(status, "refused, as asked for\n"));
    }

    let upgrade = hyper::upgrade::on(&mut *request);
    let hold = request.extensions().get::<Hold>().cloned().unwrap_or_default();
    if wishes.faults.greet.is_some() {
        hold.set();
    }
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    *response.body_mut() = Body::empty();
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(protocol) = selected {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }

    let task = converse(shared.clone(), upgrade, wishes, peer, name, slot);
    // Where a future is handed on by value, each hand keeps room for it, for as long as the connection is open.
    let task = Box::pin(task);
    let kill = shared.kill.clone();
    shared.tasks.spawn(async move { kill.run_until_cancelled(task).await });
    Ok(response)
}

/// Takes the connection over from hyper, and holds the conversation.
async fn converse(
    shared: Arc<Shared>,
    upgrade: OnUpgrade,
    wishes: Wishes,
    peer: Option<Peer>,
    name: Option<Arc<Name>>,
    slot: Slot,
) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(%error, "the client left during the handshake");
            return;
        }
    };
    let Ok(parts) = upgraded.downcast::<TokioIo<Wire>>() else {
        // `accept` gives hyper nothing else.
        tracing::error!("the upgraded connection is of an unknown kind");
        return;
    };
    let early = parts.read_buf.to_vec();
    let mut wire = parts.io.into_inner();
    // hyper's buffer is of no more use.
    drop(parts.read_buf);
    slot.opened();
    let (membership, inbox) = Membership::new(name);
    tracing::debug!(?wishes, "WebSocket opened");

    let mut first = wire.release();
    if let Some(greeting) = &wishes.faults.greet {
        first.extend(frame::text(greeting));
    }
    if !first.is_empty() && wire.write_all(&first).await.is_err() {
        membership.lost();
        return;
    }
    let max_message = shared.config.max_message;
    let max_frame = max_message.saturating_add(FRAME_EXTRA);
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(if peer.is_some() { max_frame } else { max_message }))
        .max_frame_size(Some(max_frame));
    let socket: Socket = WebSocketStream::from_partially_read(wire, early, Role::Server, Some(config)).await;
    let socket = match peer {
        None => Box::pin(echo::run(socket, &wishes, &membership, inbox, &shared)).await,
        Some(peer) => Box::pin(durable::run(socket, wishes, peer, &membership, inbox, &shared)).await,
    };

    // The books are closed before the client can see the end.
    drop(membership);
    drop(slot);
    drop(socket);
}

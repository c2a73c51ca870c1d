//! A chat with one room: whatever a client sends, every client gets, once, in order, over as many connections as it takes.
//!
//! `cargo run --example axum --features server`, and from a page of `http://localhost:8080`:
//! `connect("ws://localhost:9020/chat", { durable: true, codec: "text" })`.

use std::net::SocketAddr;

use axum::extract::ws::{self, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tautline::codec::Text;
use tautline::server::{Message, Peer, SendError, Session, Sessions, Shutdown};
use tautline::session::PROTOCOL;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tungstenite::error::ProtocolError;

#[derive(Clone)]
struct Chat {
    sessions: Sessions<String>,
    room: broadcast::Sender<String>,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let chat = Chat {
        sessions: Sessions::builder()
            .codec(Text)
            .allow_origin("http://localhost:8080")
            .max_sessions_per_address(100)
            .build(),
        room: broadcast::Sender::new(1024),
    };
    let router = Router::new()
        .route("/chat", routing::get(upgrade))
        .with_state(chat.clone())
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:9020").await?;
    println!("listening on http://{}", listener.local_addr()?);
    tokio::select! {
        served = axum::serve(listener, router) => served?,
        _ = tokio::signal::ctrl_c() => {
            let bye = Shutdown::Bye { code: 1001, reason: "the server is going away".into() };
            chat.sessions.shutdown(bye, std::time::Duration::from_secs(5)).await;
        }
    }
    Ok(())
}

/// Answers the upgrade. What a connection is allowed to do is decided here: by its origin, and by its credentials, which would
/// give the peer a `principal`.
async fn upgrade(
    State(chat): State<Chat>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let origin = headers.get("origin").map(HeaderValue::to_str).transpose();
    // One that can't be read is not none.
    let Some(origin) = origin.ok().filter(|origin| chat.sessions.allows(*origin)) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let peer = Peer {
        origin: origin.map(String::from),
        principal: None,
        address: Some(address.ip()),
    };
    upgrade
        .protocols([PROTOCOL])
        // A frame has up to 64 KiB more than the largest message.
        .max_message_size((1 << 20) + (64 << 10))
        .on_upgrade(async move |socket| {
            // Where the client offered something else, this is a plain WebSocket.
            if socket.protocol().is_some_and(|protocol| protocol == PROTOCOL) {
                let room = chat.room.clone();
                chat.sessions.serve(frames(socket), peer, |session| talk(session, room)).await;
            }
        })
}

/// One client, whatever connection it has; until its session ends.
async fn talk(session: Session<String>, room: broadcast::Sender<String>) {
    let mut others = room.subscribe();
    loop {
        tokio::select! {
            message = session.recv() => match message {
                Some(Ok(text)) => {
                    let _ = room.send(text);
                }
                Some(Err(error)) => eprintln!("{}: {error}", session.id()),
                None => break,
            },
            text = others.recv() => match text {
                // Waits while this client is behind.
                Ok(text) => match session.send(text).await {
                    Ok(()) => {}
                    Err(SendError::Closed) => break,
                    // Too big for this client: the others have it.
                    Err(error) => eprintln!("{}: {error}", session.id()),
                },
                // What it missed is gone. Better an end that it hears of than a hole that it doesn't.
                Err(RecvError::Lagged(_)) => {
                    session.close(4000, "too far behind").await;
                    break;
                }
                Err(RecvError::Closed) => break,
            }
        }
    }
    let end = session.closed().await;
    println!(
        "{}: {} {}; {} messages not taken",
        session.id(),
        end.code,
        end.reason,
        end.unacknowledged.len()
    );
}

/// axum's WebSocket as sessions take it.
fn frames(
    socket: WebSocket,
) -> impl Stream<Item = Result<Message, axum::Error>> + Sink<Message, Error = axum::Error> + Send {
    let outgoing = async |message| {
        Ok(match message {
            Message::Text(text) => ws::Message::Text(text.into()),
            Message::Binary(bytes) => ws::Message::Binary(bytes.into()),
            Message::Close(frame) => ws::Message::Close(frame.map(|(code, reason)| ws::CloseFrame {
                code,
                reason: reason.into(),
            })),
            Message::Control | Message::Broken(..) => ws::Message::Pong(axum::body::Bytes::new()),
        })
    };
    socket.with(outgoing).map(|item| item.map(incoming).or_else(broken))
}

fn incoming(message: ws::Message) -> Message {
    match message {
        ws::Message::Text(text) => Message::Text(text.as_str().into()),
        ws::Message::Binary(bytes) => Message::Binary(bytes.into()),
        ws::Message::Close(frame) => Message::Close(frame.map(|frame| (frame.code, frame.reason.as_str().into()))),
        ws::Message::Ping(_) | ws::Message::Pong(_) => Message::Control,
    }
}

/// What the library refuses to read would come again and again: the session ends. All else is a lost connection.
fn broken(error: axum::Error) -> Result<Message, axum::Error> {
    let code = match std::error::Error::source(&error).and_then(|cause| cause.downcast_ref()) {
        Some(tungstenite::Error::Capacity(_)) => 1009,
        Some(tungstenite::Error::Utf8(_)) => 1007,
        Some(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => return Err(error),
        Some(tungstenite::Error::Protocol(_)) => 1002,
        _ => return Err(error),
    };
    Ok(Message::Broken(code, error.to_string()))
}

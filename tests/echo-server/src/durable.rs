//! The durable conversation: every message is answered once, over as many connections as it takes. `upgrade` starts it on a
//! connection whose client offers `tautline.v1`; what a session is beyond that is `tautline::server`'s.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Sink, Stream, StreamExt};
use tautline::{
    Payload,
    codec::{Codec, DecodeError, EncodeError},
    server::{Message, Parting, Peer, SendError, Session, Sessions, Shutdown, Stats},
    session::frame::{self, FromClient},
};
use tokio::{io::AsyncWriteExt, time};
use tokio_tungstenite::tungstenite::{self, protocol::CloseFrame};

use crate::{
    Config,
    ending::{self, Ending, Outcome, Socket},
    faults::{self, Blow, Flood, Wishes},
    frame::Malformed,
    names::{Inbox, Line, Membership, Name},
    server::Shared,
    work::Work,
};

/// How many messages the application takes at once: what it has of them then stays where an allocator is fast.
const MANY: usize = 16;

/// All durable sessions of a server.
#[derive(Debug)]
pub(crate) struct Durable {
    sessions: Mutex<Sessions<Payload>>,
}

/// Text stays text, and bytes stay bytes.
struct Raw;

impl Codec<Payload> for Raw {
    fn encode(&self, message: Payload) -> Result<Payload, EncodeError> {
        Ok(message)
    }

    fn decode(&self, payload: Payload) -> Result<Payload, DecodeError> {
        Ok(payload)
    }
}

impl Durable {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            sessions: Mutex::new(Self::none(config)),
        }
    }

    /// Those of a server that has just been started.
    fn none(config: &Config) -> Sessions<Payload> {
        Sessions::builder()
            .codec(Raw)
            // `http` has checked it.
            .allow_origins_with(|_| true)
            .protocols(config.protocols.iter().cloned())
            .handshake_timeout(config.handshake_timeout)
            .resume(config.resume)
            .heartbeat(config.heartbeat)
            .window(config.window)
            .max_message(config.max_message)
            .max_sessions(config.max_sessions)
            .build()
    }

    fn sessions(&self) -> Sessions<Payload> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.sessions().stats()
    }

    /// Forgets every session, as a process that ends does. Returns how many there were.
    pub(crate) fn forget(&self, config: &Config) -> usize {
        let none = Self::none(config);
        let sessions = std::mem::replace(&mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner), none);
        let count = sessions.stats().sessions;
        sessions.forget();
        // A HELLO that is being answered comes too late.
        tokio::spawn(async move { sessions.shutdown(Shutdown::Detach, Duration::ZERO).await });
        count
    }

    /// Ends every session without a word.
    pub(crate) fn cut(&self) {
        self.sessions().forget();
    }

    pub(crate) async fn stop(&self) {
        self.sessions().shutdown(Shutdown::Detach, Duration::ZERO).await;
    }
}

/// Serves one connection, to the very end.
pub(crate) async fn run(
    mut socket: Socket,
    wishes: Wishes,
    mut peer: Peer,
    membership: &Membership,
    mut inbox: Inbox,
    shared: &Arc<Shared>,
) -> Socket {
    let Wishes {
        work, faults, durable, ..
    } = wishes;
    peer.address = socket.get_ref().tcp().peer_addr().ok().map(|address| address.ip());
    let name = membership.name().cloned();
    let application = move |session| answer(session, work, name, durable);
    let mut frames = Frames {
        socket: &mut socket,
        membership,
        seen: 0,
        after: faults.strike.as_ref().map(|strike| strike.after),
        is_struck: false,
        is_answered: false,
        failure: None,
    };
    let sessions = shared.durable.sessions();
    // An order or a stop does not wait for a client that does not read.
    let parting = tokio::select! {
        biased;
        Some(ending) = inbox.orders.recv() => Err(Outcome::End(ending)),
        () = shared.stop.cancelled() => Err(Outcome::End(Ending::close(1001, "the server is going away"))),
        parting = sessions.serve(&mut frames, peer, application) => Ok(parting),
        () = push(&mut inbox.pushes, membership) => Ok(Parting::Lost),
    };
    let Frames {
        is_struck,
        is_answered,
        failure,
        ..
    } = frames;
    let outcome = match (parting, &faults.strike) {
        (Err(outcome), _) => outcome,
        (Ok(_), Some(strike)) if is_struck => blow(&mut socket, &strike.blow).await,
        (Ok(parting), _) if failure.is_some() || parting == Parting::Lost => failure.unwrap_or(Outcome::Lost),
        (Ok(Parting::Closed { .. }), _) if !is_answered => Outcome::Lost,
        (Ok(_), _) => Outcome::Closed,
    };
    tracing::debug!(?outcome, "durable WebSocket ends");
    ending::carry_out(outcome, &mut socket, &mut inbox.orders, &shared.stop, membership).await;
    socket
}

/// The application: takes every message, as slowly as was asked for, and answers it.
async fn answer(session: Session<Payload>, work: Work, name: Option<Arc<Name>>, wishes: faults::Durable) {
    tracing::debug!(session = session.id(), "durable session began");
    if let Some(name) = &name {
        name.began(session.sender());
    }
    // Slowly is one after the other.
    let most = if wishes.take.is_zero() { MANY } else { 1 };
    let answering = async {
        let mut taken = 0;
        loop {
            if !wishes.take.is_zero() {
                time::sleep(wishes.take).await;
            }
            let received = session.recv_many(most).await;
            if received.is_empty() {
                return;
            }
            if let Some(name) = &name {
                received.iter().for_each(|_| name.message());
            }
            let mut payloads = Vec::with_capacity(received.len());
            payloads.extend(received.into_iter().flatten());
            let sent = match work {
                Work::Echo => session.send_many(payloads).await,
                _ => {
                    let answers = payloads
                        .into_iter()
                        .flat_map(|payload| work.answer(payload, &mut taken));
                    send_all(&session, answers).await
                }
            };
            match sent {
                Ok(()) => {}
                Err(SendError::Closed) => return,
                Err(error) => {
                    session.close(4413, &error.to_string()).await;
                    return;
                }
            }
        }
    };
    tokio::join!(answering, flood(&session, wishes.push.as_ref()));
    let end = session.closed().await;
    let unacknowledged = end.unacknowledged.len();
    tracing::debug!(
        session = session.id(),
        end.code,
        end.reason,
        unacknowledged,
        "durable session ended"
    );
}

async fn send_all(session: &Session<Payload>, messages: impl Iterator<Item = Payload>) -> Result<(), SendError> {
    for message in messages {
        session.send(message).await?;
    }
    Ok(())
}

async fn flood(session: &Session<Payload>, flood: Option<&Flood>) {
    let Some(flood) = flood else {
        return;
    };
    for n in 1..=flood.count {
        if session.send(Payload::Text(flood.message(n))).await.is_err() {
            return;
        }
    }
}

/// Sends what `control` orders, in the session of the connection's name. Never ends.
async fn push(pushes: &mut Line<String>, membership: &Membership) {
    while let Some(text) = pushes.recv().await {
        if let Some(session) = membership.session()
            && let Err(error) = session.send(Payload::Text(text)).await
        {
            tracing::info!(%error, "could not push");
        }
    }
    std::future::pending::<()>().await;
}

async fn blow(socket: &mut Socket, blow: &Blow) -> Outcome {
    tracing::info!(?blow, "fault, as asked for");
    let kind = match blow {
        Blow::End(ending) => return Outcome::End(ending.clone()),
        Blow::Malformed(kind) => kind,
    };
    // Past the codec, which would not write this.
    let wire = socket.get_mut();
    if wire.write_all(kind.bytes()).await.is_err() || wire.flush().await.is_err() {
        return Outcome::Lost;
    }
    if *kind == Malformed::Truncated {
        return Outcome::End(Ending::Drop);
    }
    let leave = async { while let Some(Ok(_)) = socket.next().await {} };
    let _ = time::timeout(ending::CLOSE_WAIT, leave).await;
    Outcome::Lost
}

/// The WebSocket as sessions want it, with a fault after so many messages.
struct Frames<'a> {
    socket: &'a mut Socket,
    membership: &'a Membership,
    /// Messages that arrived, those that the session had already included.
    seen: u64,
    after: Option<u64>,
    is_struck: bool,
    is_answered: bool,
    failure: Option<Outcome>,
}

impl Stream for Frames<'_> {
    type Item = Result<Message, ()>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // The session has seen the last of them.
        if self.after.is_some_and(|after| self.seen >= after) {
            self.is_struck = true;
            return Poll::Ready(None);
        }
        if self.failure.is_some() {
            return Poll::Ready(None);
        }
        let received = self.socket.get_ref().received();
        let item = match self.socket.poll_next_unpin(cx) {
            Poll::Ready(Some(item)) => item,
            Poll::Ready(None) => return Poll::Ready(None),
            // Part of a message: whoever sends it over a slow link is there all the same.
            Poll::Pending if self.socket.get_ref().received() > received => {
                return Poll::Ready(Some(Ok(Message::Control)));
            }
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(Some(match item {
            Err(error) => {
                let failure = Outcome::from(error);
                let item = match &failure {
                    Outcome::Broken { code, reason } => Ok(Message::Broken(*code, reason.clone())),
                    _ => Err(()),
                };
                self.failure = Some(failure);
                item
            }
            Ok(message) => {
                let message = incoming(message);
                if let Message::Close(frame) = &message {
                    let frame = frame.as_ref().map(|(code, reason)| CloseFrame {
                        code: (*code).into(),
                        reason: reason.into(),
                    });
                    self.membership.closed(frame.as_ref());
                    self.is_answered = true;
                }
                if self.after.is_some() {
                    self.seen += count(&message);
                }
                Ok(message)
            }
        }))
    }
}

impl Sink<Message> for Frames<'_> {
    type Error = tungstenite::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut *self.socket).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Self::Error> {
        Pin::new(&mut *self.socket).start_send(outgoing(message))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut *self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut *self.socket).poll_close(cx)
    }
}

fn incoming(message: tungstenite::Message) -> Message {
    match message {
        tungstenite::Message::Text(text) => Message::Text(text.as_str().into()),
        tungstenite::Message::Binary(bytes) => Message::Binary(bytes.into()),
        tungstenite::Message::Close(frame) => {
            Message::Close(frame.map(|frame| (frame.code.into(), frame.reason.as_str().into())))
        }
        tungstenite::Message::Ping(_) | tungstenite::Message::Pong(_) | tungstenite::Message::Frame(_) => {
            Message::Control
        }
    }
}

fn outgoing(message: Message) -> tungstenite::Message {
    match message {
        Message::Text(text) => tungstenite::Message::text(text),
        Message::Binary(bytes) => tungstenite::Message::binary(bytes),
        Message::Close(frame) => tungstenite::Message::Close(frame.map(|(code, reason)| CloseFrame {
            code: code.into(),
            reason: reason.into(),
        })),
        Message::Control | Message::Broken(..) => tungstenite::Message::Pong(tungstenite::Bytes::new()),
    }
}

/// How many messages of the application a frame has.
fn count(message: &Message) -> u64 {
    match message {
        Message::Text(text) => frame::decode_text(text).map_or(0, |(_, messages)| messages.count() as u64),
        Message::Binary(bytes) => match FromClient::decode(bytes) {
            Ok(FromClient::Batch(batch)) => batch.parts().count() as u64,
            _ => 0,
        },
        Message::Close(_) | Message::Broken(..) | Message::Control => 0,
    }
}

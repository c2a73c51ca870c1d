//! A client that says what it is told to, and the application behind the sessions. Both ends of one in-memory connection.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_channel::mpsc;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tautline::Payload;
use tautline::codec::{Codec, DecodeError, EncodeError};
use tautline::server::{Builder, Message, Parting, Peer, Session, Sessions, Store};
use tautline::session::frame::{self, Bye, Control, FromServer, Hello, Welcome};
use tautline::session::{Batch, Kind, Part};
use tokio::sync::mpsc as tokio_mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than whatever a server waits for, by the clock that moves by itself.
const DEADLINE: Duration = Duration::from_secs(3600);
/// More messages than any test sends without reading.
const ROOM: usize = 10_000;

/// Text stays text, and bytes stay bytes.
pub(crate) struct Raw;

impl Codec<Payload> for Raw {
    fn encode(&self, message: Payload) -> Result<Payload, EncodeError> {
        Ok(message)
    }

    fn decode(&self, payload: Payload) -> Result<Payload, DecodeError> {
        Ok(payload)
    }
}

pub(crate) type TestSession = Session<Payload>;

/// Sessions, and those of them that the application was given.
pub(crate) struct Node {
    pub(crate) sessions: Sessions<Payload>,
    given: tokio_mpsc::UnboundedReceiver<TestSession>,
    give: tokio_mpsc::UnboundedSender<TestSession>,
}

impl Node {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with<S: Store>(
        describe: impl FnOnce(Builder<Payload, Payload, Raw>) -> Builder<Payload, Payload, Raw, S>,
    ) -> Self {
        let (give, given) = tokio_mpsc::unbounded_channel();
        let builder = Sessions::builder().codec(Raw).allow_origins_with(|_| true);
        Self {
            sessions: describe(builder).build(),
            given,
            give,
        }
    }

    pub(crate) async fn session(&mut self) -> TestSession {
        soon(self.given.recv()).await.expect("a session")
    }

    /// Whether the application has been given all sessions there are.
    pub(crate) fn has_given_all(&self) -> bool {
        self.given.is_empty()
    }

    /// A connection, before its HELLO.
    pub(crate) fn connect(&self) -> Client {
        self.connect_as(Peer::default(), ROOM)
    }

    /// With so much room for what the client has not read.
    pub(crate) fn connect_as(&self, peer: Peer, room: usize) -> Client {
        let (up, from_client) = mpsc::unbounded();
        let (to_client, down) = mpsc::channel(room);
        let wire = Wire { from_client, to_client };
        let (sessions, give) = (self.sessions.clone(), self.give.clone());
        let served = tokio::spawn(async move {
            let application = move |session| async move {
                // A test that ends early takes none.
                let _ = give.send(session);
            };
            sessions.serve(wire, peer, application).await
        });
        Client { up, down, served }
    }

    /// A new session: both ends of it.
    pub(crate) async fn open(&mut self) -> (Client, Welcome, TestSession) {
        let mut client = self.connect();
        client.hello(&hello(1));
        let welcome = client.welcome().await;
        (client, welcome, self.session().await)
    }

    /// The session of a token goes on, on a new connection.
    pub(crate) async fn resume(&self, hello: &Hello) -> (Client, Welcome) {
        let mut client = self.connect();
        client.hello(hello);
        let welcome = client.welcome().await;
        (client, welcome)
    }
}

/// A HELLO that asks for a new session.
pub(crate) fn hello(attempt: u64) -> Hello {
    Hello {
        limit: 1024,
        attempt,
        max_message: 1 << 20,
        ..Hello::default()
    }
}

/// A HELLO that asks for one to go on.
pub(crate) fn hello_again(welcome: &Welcome, attempt: u64, taken: u64) -> Hello {
    Hello {
        token: welcome.token.clone(),
        taken,
        limit: taken + 1024,
        ..hello(attempt)
    }
}

/// What must happen.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(DEADLINE, what).await.expect("this should have happened by now")
}

/// Waits until a condition holds.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    soon(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

pub(crate) fn text(text: &str) -> Payload {
    Payload::Text(text.into())
}

/// The server's end of a connection.
struct Wire {
    from_client: mpsc::UnboundedReceiver<Message>,
    to_client: mpsc::Sender<Message>,
}

impl Stream for Wire {
    type Item = Result<Message, mpsc::SendError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.from_client.poll_next_unpin(cx).map(|message| message.map(Ok))
    }
}

impl Sink<Message> for Wire {
    type Error = mpsc::SendError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.to_client.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Self::Error> {
        self.to_client.start_send_unpin(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.to_client.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.to_client.poll_close_unpin(cx)
    }
}

/// The client's end of a connection.
pub(crate) struct Client {
    up: mpsc::UnboundedSender<Message>,
    down: mpsc::Receiver<Message>,
    served: JoinHandle<Parting>,
}

/// What comes from the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Welcome(Welcome),
    Control(Control),
    /// Messages; whether they came as text.
    Messages(u64, Vec<Payload>, bool),
    Close(u16, String),
}

impl Client {
    pub(crate) fn send(&self, message: Message) {
        // The server may have gone, which the test sees elsewhere.
        let _ = self.up.unbounded_send(message);
    }

    pub(crate) fn hello(&self, hello: &Hello) {
        self.send(Message::Binary(hello.encode()));
    }

    pub(crate) fn control(&self, control: &Control) {
        self.send(Message::Binary(control.encode()));
    }

    pub(crate) fn ack(&self, taken: u64, limit: u64) {
        self.control(&Control::Ack { taken, limit });
    }

    pub(crate) fn bye(&self, code: u64, reason: &str) {
        let reason = reason.into();
        self.control(&Control::Bye(Bye { code, reason }));
    }

    pub(crate) fn texts(&self, first: u64, texts: &[&str]) {
        let frame = frame::encode_text(first, texts.iter().copied()).expect("text that can travel so");
        self.send(Message::Text(frame));
    }

    pub(crate) fn bytes(&self, first: u64, bytes: &[u8]) {
        let kind = Kind::Bytes;
        self.send(Message::Binary(Batch::encode(first, [Part { kind, bytes }])));
    }

    /// What the server says next.
    pub(crate) async fn frame(&mut self) -> Frame {
        match soon(self.down.next()).await.expect("a frame, not the end") {
            Message::Text(frame) => {
                let (first, texts) = frame::decode_text(&frame).expect("a frame");
                Frame::Messages(first, texts.map(text).collect(), true)
            }
            Message::Binary(frame) => match FromServer::decode(&frame).expect("a frame") {
                FromServer::Welcome(welcome) => Frame::Welcome(welcome),
                FromServer::Control(control) => Frame::Control(control),
                FromServer::Batch(batch) => Frame::Messages(batch.first, batch.parts().map(payload).collect(), false),
            },
            Message::Close(frame) => {
                let (code, reason) = frame.expect("a code");
                Frame::Close(code, reason)
            }
            Message::Control | Message::Broken(..) => panic!("no server sends this"),
        }
    }

    pub(crate) async fn welcome(&mut self) -> Welcome {
        match self.frame().await {
            Frame::Welcome(welcome) => welcome,
            other => panic!("not a WELCOME: {other:?}"),
        }
    }

    /// The next messages; what else comes before them doesn't count.
    pub(crate) async fn messages(&mut self) -> (u64, Vec<Payload>) {
        loop {
            match self.frame().await {
                Frame::Messages(first, payloads, _) => return (first, payloads),
                Frame::Control(Control::Ack { .. } | Control::Ping(_)) => {}
                other => panic!("no messages: {other:?}"),
            }
        }
    }

    /// So many messages, in however many frames.
    pub(crate) async fn collect(&mut self, count: usize) -> Vec<Payload> {
        let mut all = Vec::new();
        while all.len() < count {
            all.extend(self.messages().await.1);
        }
        all
    }

    /// The next ACK; what else comes before it doesn't count.
    pub(crate) async fn acked(&mut self) -> (u64, u64) {
        loop {
            match self.frame().await {
                Frame::Control(Control::Ack { taken, limit }) => return (taken, limit),
                Frame::Messages(..) | Frame::Control(Control::Ping(_)) => {}
                other => panic!("no ACK: {other:?}"),
            }
        }
    }

    /// How the server closes; what comes before doesn't count. A BYE does.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.frame().await {
                Frame::Close(code, reason) => return (code, reason),
                Frame::Control(Control::Bye(bye)) => panic!("a BYE: {bye:?}"),
                _ => {}
            }
        }
    }

    pub(crate) async fn close_code(&mut self) -> u16 {
        self.closed().await.0
    }

    /// The BYE, and the close with 1000 behind it.
    pub(crate) async fn said_bye(&mut self) -> (u64, String) {
        loop {
            match self.frame().await {
                Frame::Control(Control::Bye(bye)) => {
                    assert_eq!(self.frame().await, Frame::Close(1000, String::new()));
                    return (bye.code, bye.reason);
                }
                Frame::Close(code, reason) => panic!("closed with {code} {reason}"),
                _ => {}
            }
        }
    }

    /// Whether nothing comes for a while.
    pub(crate) async fn is_quiet(&mut self, time: Duration) -> bool {
        timeout(time, self.down.next()).await.is_err()
    }

    /// Drops the server's end of the connection, as a server that gives up does.
    pub(crate) async fn abort(self) {
        self.served.abort();
        assert!(soon(self.served).await.is_err_and(|error| error.is_cancelled()));
    }

    /// Leaves without a word, and waits until the server knows.
    pub(crate) async fn drop_link(self) -> Parting {
        let Self { up, down, served } = self;
        drop((up, down));
        soon(served).await.expect("the connection's task ends well")
    }
}

fn payload(part: Part<'_>) -> Payload {
    match part.kind {
        Kind::Text => text(str::from_utf8(part.bytes).expect("UTF-8")),
        Kind::Bytes => Payload::Bytes(part.bytes.into()),
    }
}

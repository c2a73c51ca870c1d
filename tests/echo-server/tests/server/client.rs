//! What the tests talk to the server with: a WebSocket client, HTTP over a bare TCP stream, and waiting with a deadline.

use std::{io, net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tautline_echo::{Config, Server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        error::ProtocolError,
        protocol::{CloseFrame, WebSocketConfig},
    },
};

/// Long enough for the slowest machine; no test that passes waits for it.
const DEADLINE: Duration = Duration::from_secs(20);

/// A server on a free port.
pub(crate) fn server(change: impl FnOnce(&mut Config)) -> Server {
    let mut config = Config::default();
    change(&mut config);
    Server::start(config).expect("the server starts")
}

/// The result of something that must happen.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    time::timeout(DEADLINE, what)
        .await
        .expect("this should have happened by now")
}

/// Waits until a condition holds.
pub(crate) async fn until(mut condition: impl AsyncFnMut() -> bool) {
    soon(async {
        while !condition().await {
            time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// A WebSocket to the server.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<TcpStream>,
    pub(crate) protocol: Option<String>,
}

/// How a connection ended, seen from the client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// A close frame, then the end of the stream.
    Close(u16, String),
    /// The end of the stream, without a close frame.
    Eof,
    /// A TCP reset.
    Reset,
    /// The client found the protocol broken.
    Broken(String),
}

impl Client {
    pub(crate) async fn open(server: &Server, path: &str) -> Self {
        Self::try_open(server, path, &[]).await.expect("the upgrade succeeds")
    }

    /// Connects with some headers more. The error is the HTTP status instead of 101.
    pub(crate) async fn try_open(server: &Server, path: &str, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let mut request = server.url(path).into_client_request().expect("a valid URL");
        for &(name, value) in headers {
            request
                .headers_mut()
                .insert(name, value.parse().expect("a valid header"));
        }
        let tcp = soon(TcpStream::connect(server.addr()))
            .await
            .expect("the server listens");
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        match soon(client_async_with_config(request, tcp, Some(config))).await {
            Ok((socket, response)) => {
                let protocol = response.headers().get("sec-websocket-protocol");
                let protocol = protocol.map(|protocol| protocol.to_str().expect("a token").into());
                Ok(Self { socket, protocol })
            }
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("neither an upgrade nor a refusal: {error}"),
        }
    }

    pub(crate) async fn send(&mut self, message: impl Into<Message>) {
        soon(self.socket.send(message.into()))
            .await
            .expect("the connection takes a message");
    }

    /// Past the codec, which would not send this.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        let written = soon(self.socket.get_mut().write_all(bytes)).await;
        written.expect("the connection takes bytes");
    }

    /// The next message, which must be one.
    pub(crate) async fn message(&mut self) -> Message {
        loop {
            match soon(self.socket.next()).await {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => return message,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("not a message: {other:?}"),
            }
        }
    }

    pub(crate) async fn text(&mut self) -> String {
        self.message().await.into_text().expect("UTF-8").to_string()
    }

    /// Sends a text, and has it back.
    pub(crate) async fn echo(&mut self, text: &str) {
        self.send(text).await;
        assert_eq!(self.text().await, text);
    }

    pub(crate) async fn close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.into(),
        };
        soon(self.socket.close(Some(frame)))
            .await
            .expect("the close frame is sent");
    }

    /// How the connection ends; messages on the way there are dropped.
    pub(crate) async fn end(&mut self) -> End {
        let mut close = None;
        loop {
            match soon(self.socket.next()).await {
                Some(Ok(Message::Close(frame))) => {
                    let frame = frame.map_or((1005, String::new()), |frame| {
                        (frame.code.into(), frame.reason.to_string())
                    });
                    close = Some(End::Close(frame.0, frame.1));
                }
                Some(Ok(_)) => {}
                None | Some(Err(Error::ConnectionClosed)) => return close.unwrap_or(End::Eof),
                Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => return End::Eof,
                Some(Err(Error::Io(error))) if error.kind() == io::ErrorKind::ConnectionReset => return End::Reset,
                Some(Err(error)) => return End::Broken(error.to_string()),
            }
        }
    }
}

/// An HTTP response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Reply {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").expect("a whole head");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status");
        Self {
            status,
            head: head.into(),
            body: body.into(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// One HTTP request: `http(addr, "GET /health", &[])`.
pub(crate) async fn http(addr: SocketAddr, line: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = format!("{line} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    let mut tcp = soon(TcpStream::connect(addr)).await.expect("the server listens");
    soon(tcp.write_all(request.as_bytes()))
        .await
        .expect("the request is sent");
    let mut bytes = Vec::new();
    soon(tcp.read_to_end(&mut bytes)).await.expect("a response");
    Reply::parse(&bytes)
}

/// What the server knows about a name.
pub(crate) async fn report(server: &Server, name: &str) -> Value {
    http(server.addr(), &format!("GET /faults/{name}"), &[]).await.json()
}

/// Gives an order; how many connections it touched.
pub(crate) async fn order(server: &Server, name_and_query: &str) -> u64 {
    let reply = http(server.addr(), &format!("POST /faults/{name_and_query}"), &[]).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()["touched"].as_u64().expect("a number")
}

/// A WebSocket handshake as bytes, and the answer up to the empty line; what came after it in the same read, too.
pub(crate) async fn raw_open(server: &Server, path: &str) -> (TcpStream, Vec<u8>) {
    let mut tcp = soon(TcpStream::connect(server.addr()))
        .await
        .expect("the server listens");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        server.addr()
    );
    soon(tcp.write_all(request.as_bytes()))
        .await
        .expect("the request is sent");
    let mut bytes = vec![0; 4096];
    let count = soon(tcp.read(&mut bytes)).await.expect("an answer");
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a head in one piece")
        + 4;
    assert!(
        bytes.starts_with(b"HTTP/1.1 101 "),
        "{}",
        String::from_utf8_lossy(&bytes[..count])
    );
    (tcp, bytes[end..count].to_vec())
}

/// A masked text frame with an all-zero mask.
pub(crate) fn text_frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len())
        .ok()
        .filter(|&length| length <= 125)
        .expect("a short text");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}

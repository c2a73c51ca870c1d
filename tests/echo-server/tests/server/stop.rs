//! The end: of an embedded server, and of the binary on a signal.

use std::{
    io::{BufRead, BufReader, ErrorKind},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use tokio::{io::AsyncReadExt, net::TcpStream, task};
use tokio_tungstenite::{client_async, tungstenite::Message};

use crate::client::{Client, End, http, raw_open, server, soon, until};

fn goodbye() -> End {
    End::Close(1001, "the server is going away".into())
}

#[tokio::test]
async fn stop_closes_every_websocket_and_the_port() {
    let server = server(|config| config.stop_timeout = Duration::from_secs(20));
    let addr = server.addr();
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(Client::open(&server, "/echo").await);
    }
    // A browser opens connections before it needs them. They must not hold the server up.
    let mut unused = soon(TcpStream::connect(addr)).await.unwrap();
    clients[0].echo("open").await;
    let begin = Instant::now();
    let stopped = tokio::spawn(server.stop());
    for client in &mut clients {
        assert_eq!(client.end().await, goodbye());
    }
    soon(stopped).await.unwrap();
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "stop waited: {:?}",
        begin.elapsed()
    );
    assert_eq!(soon(unused.read(&mut [0; 1])).await.unwrap_or(0), 0);
    assert_eq!(
        TcpStream::connect(addr).await.unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
}

#[tokio::test]
async fn stop_does_not_wait_for_ever_for_a_client_that_does_not_answer() {
    let server = server(|config| config.stop_timeout = Duration::from_millis(1000));
    let (mut tcp, _) = raw_open(&server, "/echo").await;
    let (_silent, _) = raw_open(&server, "/echo?silent=1").await;
    let mut flooded = Client::open(&server, "/echo?flood=1000&size=1048576").await;
    until(async || http(server.addr(), "GET /health", &[]).await.json()["accepted"] == 3).await;
    soon(server.stop()).await;
    // 0x88: it was told all the same.
    let mut bytes = Vec::new();
    let _ = soon(tcp.read_to_end(&mut bytes)).await;
    assert_eq!(bytes[..4], [0x88, 26, 0x03, 0xe9]);
    assert!(!matches!(flooded.end().await, End::Broken(_)));
}

#[tokio::test]
async fn stop_answers_those_that_are_delayed() {
    let server = server(|_| {});
    let url = server.url("/echo?delay=600000");
    let addr = server.addr();
    let waiting = tokio::spawn(async move {
        client_async(url, TcpStream::connect(addr).await.unwrap())
            .await
            .is_err()
    });
    until(async || http(addr, "GET /health", &[]).await.json()["connections"] == 1).await;
    soon(server.stop()).await;
    assert!(soon(waiting).await.unwrap());
}

#[tokio::test]
async fn dropping_the_server_ends_it() {
    let server = server(|_| {});
    let addr = server.addr();
    let mut client = Client::open(&server, "/echo").await;
    client.echo("open").await;
    drop(server);
    assert!(matches!(
        client.end().await,
        End::Eof | End::Reset | End::Close(1001, _)
    ));
    until(async || TcpStream::connect(addr).await.is_err()).await;
}

/// The binary, on a free port. Killed if the test fails.
struct Process {
    child: Child,
    addr: SocketAddr,
    line: String,
}

impl Process {
    async fn start(flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tautline-echo"));
        command
            .args(["--port", "0"])
            .args(flags)
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let starting = task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.as_mut().unwrap())
                .read_line(&mut line)
                .unwrap();
            (child, line)
        });
        let (child, line) = soon(starting).await.unwrap();
        let addr = line
            .trim_end()
            .strip_prefix("listening on http://")
            .expect("the line")
            .parse()
            .unwrap();
        Self { child, addr, line }
    }

    fn signal(&self, signal: &str) {
        // The shell's own `kill`: the program is not everywhere.
        let status = Command::new("sh")
            .args(["-c", &format!("kill {signal} {}", self.child.id())])
            .status()
            .unwrap();
        assert!(status.success());
    }

    async fn exit(&mut self) -> ExitStatus {
        let mut status = None;
        until(async || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn on_a_signal_the_binary_closes_with_1001_and_exits_with_0() {
    for signal in ["-TERM", "-INT"] {
        let mut process = Process::start(&[]).await;
        assert_eq!(
            process.line,
            format!("listening on http://127.0.0.1:{}\n", process.addr.port())
        );
        assert_ne!(process.addr.port(), 0);
        let tcp = soon(TcpStream::connect(process.addr)).await.unwrap();
        let (mut socket, _) = soon(client_async(format!("ws://{}/echo", process.addr), tcp))
            .await
            .unwrap();
        process.signal(signal);
        let close = soon(socket.next()).await.unwrap().unwrap();
        let Message::Close(Some(frame)) = close else {
            panic!("not a close: {close:?}")
        };
        assert_eq!(
            (u16::from(frame.code), frame.reason.as_str()),
            (1001, "the server is going away")
        );
        assert!(soon(socket.next()).await.is_none());
        assert_eq!(process.exit().await.code(), Some(0));
    }
}

#[tokio::test]
async fn the_flags_reach_the_server() {
    let flags = "--host localhost --max-message 10 --max-connections 1 --idle-timeout-ms 60000 --handshake-timeout-ms 1000 \
                 --protocol chat --allow-origin http://example.com --pkg no/such/pkg --www no/such/www --log debug";
    let process = Process::start(&flags.split_whitespace().collect::<Vec<_>>()).await;
    let addr = process.addr;
    assert_eq!(
        http(addr, "GET /health", &[("Origin", "http://example.com")])
            .await
            .status,
        200
    );
    assert_eq!(
        http(addr, "GET /health", &[("Origin", "http://localhost")])
            .await
            .status,
        403
    );
    assert!(http(addr, "GET /pkg/index.js", &[]).await.body.contains("no/such/pkg"));
    assert!(http(addr, "GET /", &[]).await.body.contains("no/such/www"));
    let tcp = soon(TcpStream::connect(addr)).await.unwrap();
    let (mut socket, response) = soon(client_async(request(addr), tcp)).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    let tcp = soon(TcpStream::connect(addr)).await.unwrap();
    assert!(soon(client_async(request(addr), tcp)).await.is_err(), "one is the most");
    futures_util::SinkExt::send(&mut socket, Message::text("x".repeat(11)))
        .await
        .unwrap();
    assert!(
        matches!(soon(socket.next()).await, Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) == 1009)
    );
}

fn request(addr: SocketAddr) -> tokio_tungstenite::tungstenite::handshake::client::Request {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let mut request = format!("ws://{addr}/echo").into_client_request().unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", "superchat, chat".parse().unwrap());
    request
}

#[test]
fn the_help_has_every_fault_and_examples() {
    let output = Command::new(env!("CARGO_BIN_EXE_tautline-echo"))
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for word in [
        "refuse=",
        "delay=",
        "greet=",
        "flood=",
        "size=",
        "close=",
        "reason=",
        "reset=1",
        "drop=1",
        "silent=1",
        "malformed=",
        "after=",
        "name=",
        "times=",
        "protocol=",
        "take=",
        "push=",
        "principal=",
        "send=",
        "for=",
        "Examples:",
        "--allow-origin",
        "--max-message",
        "--max-connections",
        "--handshake-timeout-ms",
        "--idle-timeout-ms",
        "--resume-ms",
        "--heartbeat-ms",
        "--window",
        "--max-sessions",
        "/sessions/forget",
        "SIGTERM",
    ] {
        assert!(help.contains(word), "{word} is not in the help");
    }
}

#[test]
fn a_port_that_is_taken_is_said_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_tautline-echo"))
        .args(["--port", &port])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(log.contains(&format!("127.0.0.1:{port}")), "{log}");
}

//! The answer to the upgrade: accept value, subprotocol, origins, and what is not understood.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::client::{Client, http, report, server, soon};

/// The example handshake of RFC 6455, as tutorials print it.
const EXAMPLE: [(&str, &str); 4] = [
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Origin", "http://example.com"),
    ("Sec-WebSocket-Protocol", "chat, superchat"),
    ("Sec-WebSocket-Version", "13"),
];

#[tokio::test]
async fn the_handshake_of_the_rfc_gets_its_accept_value() {
    let server = server(|config| {
        config.protocols = vec!["chat".into()];
        config.allow_origins = vec!["http://example.com".into()];
    });
    let mut request =
        "GET /echo HTTP/1.1\r\nHost: example.com:8000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n".to_owned();
    for (name, value) in EXAMPLE {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    let mut tcp = soon(TcpStream::connect(server.addr())).await.unwrap();
    soon(tcp.write_all(request.as_bytes())).await.unwrap();
    let mut answer = vec![0; 4096];
    let count = soon(tcp.read(&mut answer)).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..count]).to_lowercase();
    let mut lines = answer.lines();
    assert_eq!(lines.next(), Some("http/1.1 101 switching protocols"));
    let lines: Vec<_> = lines.collect();
    for line in [
        "upgrade: websocket",
        "connection: upgrade",
        &"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_lowercase(),
        "sec-websocket-protocol: chat",
    ] {
        assert!(lines.contains(&line), "{line} is not in {lines:?}");
    }
    assert!(!answer.contains("sec-websocket-extensions"));
}

#[tokio::test]
async fn the_accept_value_keeps_its_case() {
    let server = server(|_| {});
    let headers = [
        ("Upgrade", "websocket"),
        ("Connection", "keep-alive, Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
    ];
    let reply = http(server.addr(), "GET /echo?drop=1", &headers).await;
    assert_eq!(reply.status, 101);
    assert_eq!(
        reply.header("Sec-WebSocket-Accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
    assert_eq!(reply.header("Sec-WebSocket-Protocol"), None);
}

#[tokio::test]
async fn the_first_protocol_offered_that_the_server_knows_is_selected() {
    let server = server(|config| config.protocols = vec!["chat".into(), "superchat".into()]);
    for (path, offered, selected) in [
        ("/echo", "superchat, chat", Some("superchat")),
        ("/echo", "unknown,chat", Some("chat")),
        ("/echo?protocol=extra&protocol=more", "more, chat", Some("more")),
    ] {
        let client = Client::try_open(&server, path, &[("sec-websocket-protocol", offered)])
            .await
            .unwrap();
        assert_eq!(client.protocol.as_deref(), selected, "{offered}");
    }
    assert_eq!(Client::open(&server, "/echo").await.protocol, None);
}

#[tokio::test]
async fn without_a_known_protocol_none_is_selected() {
    let server = server(|_| {});
    let headers = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Protocol", "chat, superchat"),
    ];
    let reply = http(server.addr(), "GET /echo?drop=1&name=offers", &headers).await;
    assert_eq!((reply.status, reply.header("Sec-WebSocket-Protocol")), (101, None));
    assert_eq!(
        report(&server, "offers").await["offered"],
        serde_json::json!(["chat", "superchat"])
    );
}

#[tokio::test]
async fn pages_of_other_machines_are_refused() {
    let server = server(|_| {});
    for origin in ["http://localhost:5173", "https://127.0.0.1", "http://[::1]:80"] {
        assert!(
            Client::try_open(&server, "/echo", &[("origin", origin)]).await.is_ok(),
            "{origin}"
        );
    }
    for origin in ["http://example.com", "null", "http://localhost.example.com"] {
        assert_eq!(
            Client::try_open(&server, "/echo", &[("origin", origin)]).await.err(),
            Some(403),
            "{origin}"
        );
    }
    let reply = http(server.addr(), "GET /health", &[("Origin", "http://example.com")]).await;
    assert_eq!(reply.status, 403);
    assert!(reply.body.contains("http://example.com"), "{}", reply.body);
    assert_eq!(reply.header("Access-Control-Allow-Origin"), None);
}

#[tokio::test]
async fn allow_origin_lets_in_what_it_lists_and_no_other_page() {
    let server =
        server(|config| config.allow_origins = vec!["https://example.com".into(), "http://example.org:81".into()]);
    for origin in ["https://example.com", "http://example.org:81"] {
        assert!(
            Client::try_open(&server, "/echo", &[("origin", origin)]).await.is_ok(),
            "{origin}"
        );
    }
    for origin in ["http://example.com", "https://example.com:444", "http://localhost"] {
        assert_eq!(
            Client::try_open(&server, "/echo", &[("origin", origin)]).await.err(),
            Some(403),
            "{origin}"
        );
    }
    // Not a page.
    assert!(Client::try_open(&server, "/echo", &[]).await.is_ok());
}

#[tokio::test]
async fn what_is_no_origin_can_not_be_allowed() {
    let config = tautline_echo::Config {
        allow_origins: vec!["example.com".into()],
        ..Default::default()
    };
    let error = tautline_echo::Server::start(config).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("`example.com`"));
}

#[tokio::test]
async fn a_request_that_is_no_handshake_is_told_what_is_missing() {
    let server = server(|_| {});
    let addr = server.addr();
    let upgrade = [("Upgrade", "websocket"), ("Connection", "Upgrade")];

    let reply = http(addr, "GET /echo", &[]).await;
    assert_eq!((reply.status, reply.header("Upgrade")), (426, Some("websocket")));

    let [one, two] = upgrade;
    let reply = http(addr, "GET /echo", &[one, two, ("Sec-WebSocket-Version", "8")]).await;
    assert_eq!((reply.status, reply.header("Sec-WebSocket-Version")), (426, Some("13")));

    for key in ["", "short", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ==AAAA"] {
        let headers = [one, two, ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key)];
        let reply = http(addr, "GET /echo", &headers).await;
        assert_eq!(reply.status, 400, "{key}");
        assert!(reply.body.contains("Sec-WebSocket-Key"));
    }
    assert_eq!(http(addr, "POST /echo", &[]).await.status, 405);
}

#[tokio::test]
async fn what_the_query_does_not_mean_is_named() {
    let server = server(|_| {});
    for (query, named) in [
        ("closed=4000", "`closed`"),
        ("close=1", "`close=1`"),
        ("after=2", "`after`"),
    ] {
        let reply = http(server.addr(), &format!("GET /echo?{query}"), &[]).await;
        assert_eq!(reply.status, 400);
        assert!(reply.body.contains(named), "{}", reply.body);
        assert!(
            reply.body.contains("/echo knows: refuse, delay, greet"),
            "{}",
            reply.body
        );
    }
}

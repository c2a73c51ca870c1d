//! HTTP: health, files, and the headers every answer has.

use std::{fs, path::PathBuf};

use crate::client::{Client, http, server, until};

/// A directory of the test's own, removed at its end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str, files: &[(&str, &[u8])]) -> Self {
        let path = std::env::temp_dir().join(format!("tautline-echo-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        for (name, bytes) in files {
            fs::write(path.join(name), bytes).unwrap();
        }
        Self(path)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn health_counts_connections() {
    let server = server(|_| {});
    let health = async || http(server.addr(), "GET /health", &[]).await.json();
    let first = health().await;
    assert_eq!(
        (&first["status"], &first["connections"], &first["accepted"]),
        (&"ok".into(), &0.into(), &0.into())
    );
    assert!(first["uptimeMs"].is_u64());

    let mut one = Client::open(&server, "/echo").await;
    let mut two = Client::open(&server, "/echo").await;
    one.echo("open").await;
    two.echo("open").await;
    let second = health().await;
    assert_eq!((&second["connections"], &second["accepted"]), (&2.into(), &2.into()));
    drop(one);
    until(async || health().await["connections"] == 1).await;
    assert_eq!(health().await["accepted"], 2);
}

#[tokio::test]
async fn pages_of_allowed_origins_may_read_the_answers() {
    let server = server(|_| {});
    let origin = ("Origin", "http://localhost:5173");
    for line in [
        "GET /health",
        "GET /faults/a",
        "POST /faults/a?reset=1",
        "POST /faults/a?wrong=1",
        "GET /nothing",
    ] {
        let reply = http(server.addr(), line, &[origin]).await;
        assert_eq!(
            reply.header("Access-Control-Allow-Origin"),
            Some("http://localhost:5173"),
            "{line}"
        );
        assert_eq!(reply.header("Vary"), Some("Origin"), "{line}");
    }
    let asked = [
        origin,
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type"),
    ];
    let reply = http(server.addr(), "OPTIONS /faults/a", &asked).await;
    assert_eq!(reply.status, 204);
    assert_eq!(
        reply.header("Access-Control-Allow-Origin"),
        Some("http://localhost:5173")
    );
    assert_eq!(reply.header("Access-Control-Allow-Methods"), Some("GET, POST, OPTIONS"));
    assert_eq!(reply.header("Access-Control-Allow-Headers"), Some("content-type"));
}

#[tokio::test]
async fn files_have_their_types_and_the_headers_that_isolate_a_page() {
    let pkg = Dir::new(
        "pkg",
        &[
            ("index.js", b"export {};"),
            ("tautline.wasm", b"\0asm"),
            ("index.d.ts", b""),
        ],
    );
    let www = Dir::new("www", &[("index.html", b"<!doctype html>"), ("style.css", b"")]);
    let server = server(|config| (config.pkg, config.www) = (pkg.0.clone(), www.0.clone()));
    for (path, kind) in [
        ("/pkg/index.js", "text/javascript"),
        ("/pkg/tautline.wasm", "application/wasm"),
        ("/", "text/html"),
        ("/index.html", "text/html"),
        ("/style.css", "text/css"),
    ] {
        let reply = http(server.addr(), &format!("GET {path}"), &[]).await;
        assert_eq!(reply.status, 200, "{path}");
        let found = reply.header("Content-Type").unwrap();
        assert!(found.starts_with(kind), "{path}: {found}");
        assert_eq!(reply.header("Cache-Control"), Some("no-cache"), "{path}");
        assert_eq!(
            reply.header("Cross-Origin-Opener-Policy"),
            Some("same-origin"),
            "{path}"
        );
        assert_eq!(
            reply.header("Cross-Origin-Embedder-Policy"),
            Some("require-corp"),
            "{path}"
        );
        assert_eq!(
            reply.header("Cross-Origin-Resource-Policy"),
            Some("cross-origin"),
            "{path}"
        );
    }
    assert_eq!(http(server.addr(), "GET /pkg/index.js", &[]).await.body, "export {};");
    for path in [
        "/pkg/none.js",
        "/pkg/",
        "/none",
        "/../Cargo.toml",
        "/pkg/..%2f..%2fetc/passwd",
    ] {
        let reply = http(server.addr(), &format!("GET {path}"), &[]).await;
        assert_eq!((reply.status, reply.body.as_str()), (404, "no such file\n"), "{path}");
    }
}

#[tokio::test]
async fn a_package_that_is_not_built_is_said_how_to_build() {
    let server = server(|config| (config.pkg, config.www) = ("no/such/pkg".into(), "no/such/www".into()));
    let reply = http(server.addr(), "GET /pkg/index.js", &[]).await;
    assert_eq!(reply.status, 404);
    assert!(reply.body.contains("cargo xtask build"), "{}", reply.body);
    let reply = http(server.addr(), "GET /", &[]).await;
    assert_eq!(reply.status, 404);
    assert!(reply.body.contains("--www"), "{}", reply.body);
}

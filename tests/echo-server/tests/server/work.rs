//! `/push` and `/sink`, which measurements use: plain here, durable in `durable`.

use serde_json::{Value, json};

use crate::client::{Client, End, server};

#[tokio::test]
async fn push_answers_every_message_with_so_many() {
    let server = server(|_| {});
    let mut client = Client::open(&server, "/push?messages=300&bytes=20").await;
    for _ in 0..2 {
        client.send("go").await;
        for n in 1..=300 {
            assert_eq!(client.text().await, format!("{:20}", json!({ "n": n }).to_string()));
        }
    }
    client.send("once more").await;
    assert_eq!(client.text().await.trim_end(), r#"{"n":1}"#);
}

#[tokio::test]
async fn push_sends_json_of_five_fields_unless_told_otherwise() {
    let server = server(|_| {});
    for path in ["/push?messages=2", "/push?messages=2&bytes=json"] {
        let mut client = Client::open(&server, path).await;
        client.send("go").await;
        for n in 1..=2 {
            let text = client.text().await;
            let message: Value = serde_json::from_str(&text).unwrap();
            assert_eq!((text.len(), &message["id"]), (100, &n.into()), "{path}");
            assert_eq!(message.as_object().unwrap().len(), 5, "{path}");
        }
    }
}

#[tokio::test]
async fn sink_answers_once_it_has_taken_all() {
    let server = server(|_| {});
    let mut client = Client::open(&server, "/sink?messages=300").await;
    for _ in 0..2 {
        for _ in 0..300 {
            client.send("x").await;
        }
        assert_eq!(client.text().await, r#"{"taken":300}"#);
    }
}

#[tokio::test]
async fn faults_strike_there_too_and_what_means_nothing_is_named() {
    let server = server(|_| {});
    let mut client = Client::open(&server, "/sink?messages=2&drop=1&after=2").await;
    client.send("x").await;
    client.send("x").await;
    assert_eq!(client.text().await, r#"{"taken":2}"#);
    assert_eq!(client.end().await, End::Eof);
    for path in [
        "/echo?messages=1",
        "/sink?bytes=16",
        "/push?bytes=15",
        "/push?messages=0",
    ] {
        assert_eq!(Client::try_open(&server, path, &[]).await.err(), Some(400), "{path}");
    }
}

//! `/faults/NAME`: orders to open connections, and reports.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Client, End, http, order, report, server, until};

#[tokio::test]
async fn orders_end_the_open_connections_of_a_name() {
    let server = server(|_| {});
    for (query, end) in [
        ("close=4000&reason=enough", End::Close(4000, "enough".into())),
        ("close=1012", End::Close(1012, String::new())),
        ("reset=1", End::Reset),
        ("drop=1", End::Eof),
    ] {
        let mut one = Client::open(&server, "/echo?name=a").await;
        let mut two = Client::open(&server, "/echo?name=a").await;
        let mut other = Client::open(&server, "/echo?name=b").await;
        until(async || report(&server, "a").await["open"] == 2).await;
        assert_eq!(order(&server, &format!("a?{query}")).await, 2);
        assert_eq!(one.end().await, end);
        assert_eq!(two.end().await, end);
        other.echo("not meant").await;
        until(async || report(&server, "a").await["open"] == 0).await;
        assert_eq!(order(&server, &format!("a?{query}")).await, 0);
    }
}

#[tokio::test]
async fn an_order_does_not_wait_for_a_client_that_does_not_read() {
    let server = server(|_| {});
    let mut client = Client::open(&server, "/echo?name=a&flood=1000&size=1048576").await;
    until(async || report(&server, "a").await["open"] == 1).await;
    assert_eq!(order(&server, "a?reset=1").await, 1);
    until(async || report(&server, "a").await["open"] == 0).await;
    assert_eq!(client.end().await, End::Reset);
}

#[tokio::test]
async fn send_pushes_a_text() {
    let server = server(|_| {});
    let mut client = Client::open(&server, "/echo?name=a").await;
    client.echo("before").await;
    assert_eq!(order(&server, "a?send=gr%C3%BC%C3%9Fe").await, 1);
    assert_eq!(client.text().await, "grüße");
    for n in 0..50 {
        assert_eq!(order(&server, &format!("a?send={n}")).await, 1);
    }
    for n in 0..50 {
        assert_eq!(client.text().await, n.to_string());
    }
    client.echo("after").await;
}

#[tokio::test]
async fn silent_lasts_until_another_order() {
    let server = server(|_| {});
    let mut client = Client::open(&server, "/echo?name=a").await;
    client.echo("loud").await;
    assert_eq!(order(&server, "a?silent=1").await, 1);
    // The order is taken when the next one finds room.
    until(async || order(&server, "a?silent=1").await == 1).await;
    client.send("lost").await;
    assert!(
        tokio::time::timeout(Duration::from_millis(300), client.message())
            .await
            .is_err()
    );
    assert_eq!(report(&server, "a").await["messages"], 1);
    until(async || order(&server, "a?reset=1").await == 1).await;
    assert_eq!(client.end().await, End::Reset);
}

#[tokio::test]
async fn refuse_keeps_new_connections_out_for_a_while() {
    let server = server(|_| {});
    let mut old = Client::open(&server, "/echo?name=a").await;
    old.echo("open").await;
    let begin = Instant::now();
    assert_eq!(order(&server, "a?refuse=503&for=600000").await, 0);
    assert_eq!(Client::try_open(&server, "/echo?name=a", &[]).await.err(), Some(503));
    Client::open(&server, "/echo?name=b").await;
    old.echo("untouched").await;

    assert_eq!(order(&server, "a?refuse=429&for=300").await, 0);
    let mut statuses = Vec::new();
    until(async || match Client::try_open(&server, "/echo?name=a", &[]).await {
        Ok(_) => true,
        Err(status) => {
            statuses.push(status);
            false
        }
    })
    .await;
    assert!(begin.elapsed() >= Duration::from_millis(300));
    assert!(statuses.iter().all(|&status| status == 429), "{statuses:?}");

    // A name nobody has used yet can be kept out, too; and 0 lets it in again.
    assert_eq!(order(&server, "new?refuse=401&for=600000").await, 0);
    assert_eq!(Client::try_open(&server, "/echo?name=new", &[]).await.err(), Some(401));
    assert_eq!(order(&server, "new?refuse=401&for=0").await, 0);
    Client::open(&server, "/echo?name=new").await;
}

#[tokio::test]
async fn refuse_and_reset_together_look_like_a_server_that_is_down() {
    let server = server(|_| {});
    let mut client = Client::open(&server, "/echo?name=a").await;
    client.echo("open").await;
    assert_eq!(order(&server, "a?refuse=503&for=600000&reset=1").await, 1);
    assert_eq!(client.end().await, End::Reset);
    assert_eq!(Client::try_open(&server, "/echo?name=a", &[]).await.err(), Some(503));
}

#[tokio::test]
async fn the_report_tells_what_happened_under_a_name() {
    let server = server(|config| config.protocols = vec!["chat".into()]);
    let nothing = json!({
        "name": "a", "attempts": 0, "refused": 0, "connections": 0, "open": 0, "messages": 0, "offered": [], "lastClose": null,
    });
    assert_eq!(report(&server, "a").await, nothing);

    let offers = [("sec-websocket-protocol", "chat, superchat")];
    let mut client = Client::try_open(&server, "/echo?name=a&refuse=500&times=0", &offers)
        .await
        .unwrap();
    client.echo("one").await;
    client.echo("two").await;
    let expected = json!({
        "name": "a", "attempts": 1, "refused": 0, "connections": 1, "open": 1, "messages": 2,
        "offered": ["chat", "superchat"], "lastClose": null,
    });
    assert_eq!(report(&server, "a").await, expected);

    client.close(1000, "good bye").await;
    client.end().await;
    let known = report(&server, "a").await;
    assert_eq!((&known["open"], &known["connections"]), (&json!(0), &json!(1)));
    assert_eq!(
        known["lastClose"],
        json!({ "code": 1000, "reason": "good bye", "clean": true })
    );

    assert_eq!(
        Client::try_open(&server, "/echo?name=a&refuse=500", &[]).await.err(),
        Some(500)
    );
    let known = report(&server, "a").await;
    assert_eq!(
        (&known["attempts"], &known["refused"], &known["connections"]),
        (&json!(2), &json!(1), &json!(1))
    );
}

#[tokio::test]
async fn the_report_tells_how_a_client_left() {
    let server = server(|_| {});
    let last_close = async || report(&server, "a").await["lastClose"].clone();
    let gone = async |expected: Value| until(async || last_close().await == expected).await;

    let mut client = Client::open(&server, "/echo?name=a").await;
    client.socket.close(None).await.unwrap();
    gone(json!({ "code": 1005, "reason": "", "clean": true })).await;

    drop(Client::open(&server, "/echo?name=a").await);
    gone(json!({ "code": 1006, "reason": "", "clean": false })).await;

    // The answer to the server's own close counts as well.
    let mut client = Client::open(&server, "/echo?name=a&close=4000").await;
    client.end().await;
    gone(json!({ "code": 4000, "reason": "", "clean": true })).await;
}

#[tokio::test]
async fn orders_that_make_no_sense_are_named() {
    let server = server(|_| {});
    let addr = server.addr();
    assert_eq!(http(addr, "POST /faults/nobody?close=4000", &[]).await.status, 404);
    for (path, named) in [
        ("a", "no order"),
        ("a?closed=4000", "`closed`"),
        ("a?close=1006", "`close=1006`"),
        ("a?reset=1&drop=1", "choose one"),
        ("a?send=x&drop=1", "`send`"),
        ("a?refuse=503", "`refuse`"),
        ("a?for=503", "`for`"),
        ("a%20b?reset=1", "`a b`"),
    ] {
        let reply = http(addr, &format!("POST /faults/{path}"), &[]).await;
        assert_eq!(reply.status, 400, "{path}");
        assert!(reply.body.contains(named), "{path}: {}", reply.body);
        assert!(
            reply.body.contains("POST /faults/NAME knows: close, reason"),
            "{path}: {}",
            reply.body
        );
    }
    assert_eq!(http(addr, "GET /faults/a%20b", &[]).await.status, 400);
}

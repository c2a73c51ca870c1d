//! The echo server as the tests see it: its addresses, its faults, and what it saw.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use gloo_timers::future::TimeoutFuture;
use js_sys::{Date, Math, Object, Promise, Reflect};
use serde::Deserialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

/// Where the server listens. `cargo xtask test` says so where its default port is taken.
pub(super) fn base() -> &'static str {
    option_env!("TAUTLINE_ECHO_URL").unwrap_or("http://127.0.0.1:9010")
}

/// An address of the server, for a socket. `http:` becomes `ws:` on the way.
pub(super) fn url(path: &str) -> String {
    format!("{}{path}", base())
}

/// The same address behind a network that delays, resets and falls silent.
pub(super) fn chaos_url(path: &str) -> String {
    let base = option_env!("TAUTLINE_CHAOS_URL").unwrap_or("http://127.0.0.1:9011");
    format!("{base}{path}")
}

/// The same with the server for Node at the other end.
pub(super) fn node_chaos_url(path: &str) -> String {
    let base = option_env!("TAUTLINE_NODE_CHAOS_URL").unwrap_or("http://127.0.0.1:9013");
    format!("{base}{path}")
}

/// Has the server lose all durable sessions, as if it had restarted.
pub(super) async fn forget_sessions() {
    http("POST", "/sessions/forget").await;
}

/// A name that no other connection has, for the server to know one by.
pub(super) fn name() -> String {
    format!("t{:x}", (Math::random() * 2f64.powi(52)) as u64)
}

/// Has the server do something to the connections of that name.
pub(super) async fn fault(name: &str, query: &str) {
    http("POST", &format!("/faults/{name}?{query}")).await;
}

/// What the server knows about the connections of a name.
#[derive(Debug, Deserialize)]
pub(super) struct Seen {
    pub(super) open: u32,
    pub(super) messages: u64,
    #[serde(rename = "lastClose")]
    pub(super) close: Option<SeenClose>,
}

/// The last close frame that it got.
#[derive(Debug, Deserialize, PartialEq)]
pub(super) struct SeenClose {
    pub(super) code: Option<u16>,
    pub(super) reason: String,
}

pub(super) async fn seen(name: &str) -> Seen {
    let text = http("GET", &format!("/faults/{name}")).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Asks the server until the answer is as wanted.
pub(super) async fn until_seen(name: &str, wanted: impl Fn(&Seen) -> bool) -> Seen {
    let deadline = Date::now() + 10_000.0;
    loop {
        let seen = seen(name).await;
        if wanted(&seen) {
            return seen;
        }
        assert!(Date::now() < deadline, "the server still says {seen:?}");
    }
}

/// The result of a future that must be ready within ten seconds.
pub(super) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    let mut future = pin!(future);
    // Stops its timer when it is dropped.
    let mut limit = pin!(TimeoutFuture::new(10_000));
    std::future::poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(output);
        }
        assert!(limit.as_mut().poll(cx).is_pending(), "not within ten seconds: {what}");
        Poll::Pending
    })
    .await
}

/// Lets the browser go on with everything else.
pub(super) async fn turn() {
    TimeoutFuture::new(0).await;
}

/// Lets everything go on that is ready, and nothing else happen.
pub(super) async fn microtasks() {
    for _ in 0..3 {
        JsFuture::from(Promise::resolve(&JsValue::NULL)).await.unwrap();
    }
}

async fn http(method: &str, path: &str) -> String {
    let options = Object::new();
    Reflect::set(&options, &"method".into(), &method.into()).unwrap();
    let response: Response = JsFuture::from(fetch(&url(path), &options)).await.unwrap().into();
    let text = JsFuture::from(response.text()).await.unwrap().as_string().unwrap();
    assert!(response.ok(), "{method} {path}: {text}");
    text
}

#[wasm_bindgen]
extern "C" {
    type Response;
    #[wasm_bindgen(method)]
    fn text(this: &Response) -> Promise;
    #[wasm_bindgen(method, getter)]
    fn ok(this: &Response) -> bool;

    fn fetch(url: &str, options: &JsValue) -> Promise;
}

//! The routes, and what every answer has in common: the origin check, and the headers that let pages of other
//! origins read it and let the demo page measure time finely. Made by `server`.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Serialize;

use crate::{control, files, server::Shared, upgrade, work::Place};

pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    let mut router = Router::new();
    for place in Place::ALL {
        let answer = move |state, request| upgrade::answer(place, state, request);
        router = router.route(place.path(), get(answer));
    }
    router
        .route("/health", get(health))
        .route("/faults/{name}", get(control::report).post(control::order))
        .route("/sessions/forget", post(forget))
        .merge(files::router(&shared.config))
        .layer(middleware::from_fn_with_state(shared.clone(), guard))
        .with_state(shared.clone())
}

/// Lets a request of an allowed origin, or of none, through to the routes, and completes the answer's headers.
async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(header::ORIGIN).cloned() else {
        let mut response = next.run(request).await;
        common_headers(response.headers_mut());
        return response;
    };
    if !origin.to_str().is_ok_and(|origin| shared.origins.allow(origin)) {
        tracing::warn!(?origin, uri = %request.uri(), "origin refused");
        let text = format!("the origin {origin:?} may not use this server: see --allow-origin\n");
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    let mut response = if request.method() == Method::OPTIONS {
        preflight(request.headers())
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    common_headers(headers);
    response
}

/// Answers the question a browser asks before a request that a form could not make.
fn preflight(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, OPTIONS"),
    );
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    if let Some(wanted) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    response
}

fn common_headers(headers: &mut HeaderMap) {
    const COMMON: [(HeaderName, &str); 4] = [
        (header::CACHE_CONTROL, "no-cache"),
        // A page isolated like this may read the clock in steps of 5 µs instead of 100.
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    for (name, value) in COMMON {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// What `GET /health` answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    status: &'static str,
    connections: usize,
    accepted: u64,
    sessions: usize,
    attached: usize,
    held_bytes: u64,
    uptime_ms: u64,
}

async fn health(State(shared): State<Arc<Shared>>) -> Json<Health> {
    let stats = shared.durable.stats();
    Json(Health {
        status: "ok",
        connections: shared.open(),
        accepted: shared.accepted(),
        sessions: stats.sessions,
        attached: stats.attached,
        held_bytes: stats.held_bytes,
        uptime_ms: u64::try_from(shared.started.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// What `POST /sessions/forget` answers.
#[derive(Debug, Serialize)]
struct Forgotten {
    forgotten: usize,
}

/// As if the server had been restarted, and its sessions were in its memory only.
async fn forget(State(shared): State<Arc<Shared>>) -> Json<Forgotten> {
    let forgotten = shared.durable.forget(&shared.config);
    tracing::info!(forgotten, "sessions forgotten");
    Json(Forgotten { forgotten })
}

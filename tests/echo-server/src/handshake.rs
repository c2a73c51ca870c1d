//! The rules of the opening handshake (RFC 6455, section 4.2): what makes a request one, and what answers it. Used by
//! `upgrade`.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Why a request opens no WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadHandshake {
    NoUpgrade,
    Version,
    Key,
}

impl IntoResponse for BadHandshake {
    fn into_response(self) -> Response {
        match self {
            Self::NoUpgrade => {
                let headers = [(header::UPGRADE, "websocket"), (header::CONNECTION, "Upgrade")];
                let text = "this is a WebSocket: connect with ws://\n";
                (StatusCode::UPGRADE_REQUIRED, headers, text).into_response()
            }
            Self::Version => {
                let headers = [(header::SEC_WEBSOCKET_VERSION, "13")];
                (
                    StatusCode::UPGRADE_REQUIRED,
                    headers,
                    "Sec-WebSocket-Version must be 13\n",
                )
                    .into_response()
            }
            Self::Key => (
                StatusCode::BAD_REQUEST,
                "Sec-WebSocket-Key must be 16 bytes in base64\n",
            )
                .into_response(),
        }
    }
}

/// The value of `Sec-WebSocket-Accept` that answers a valid handshake.
pub(crate) fn accept_value(request: &Request) -> Result<HeaderValue, BadHandshake> {
    let headers = request.headers();
    let upgrades =
        has_token(headers, header::CONNECTION, "upgrade") && has_token(headers, header::UPGRADE, "websocket");
    if request.method() != Method::GET || !upgrades {
        return Err(BadHandshake::NoUpgrade);
    }
    if headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != "13")
    {
        return Err(BadHandshake::Version);
    }
    let key = headers
        .get(header::SEC_WEBSOCKET_KEY)
        .ok_or(BadHandshake::Key)?
        .as_bytes();
    if !is_key(key) {
        return Err(BadHandshake::Key);
    }
    HeaderValue::from_str(&derive_accept_key(key)).map_err(|_| BadHandshake::Key)
}

/// The subprotocols the client offers, in its order.
pub(crate) fn offered(headers: &HeaderMap) -> Vec<&str> {
    tokens(headers, header::SEC_WEBSOCKET_PROTOCOL)
        .filter(|protocol| !protocol.is_empty())
        .collect()
}

/// The first one offered that the server, or this connection's query, knows.
pub(crate) fn selected<'a>(offered: &[&'a str], known: &[String], wished: &[String]) -> Option<&'a str> {
    offered
        .iter()
        .copied()
        .find(|offer| known.iter().chain(wished).any(|protocol| protocol == offer))
}

/// Whether this is the base64 of 16 bytes: 22 digits and the padding.
fn is_key(key: &[u8]) -> bool {
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 24 && key.ends_with(b"==") && key.iter().take(22).all(digit)
}

fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|value| value.eq_ignore_ascii_case(token))
}

fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

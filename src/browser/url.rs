//! Checks what a socket can't be made from, before one is made: URLs and names of subprotocols.

use alloc::string::String;

use js_sys::Reflect;
use wasm_bindgen::JsValue;
use web_sys::Url;

/// Why a URL can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UrlError {
    Malformed,
    Scheme,
    Fragment,
}

/// Why a list of subprotocols can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProtocolError {
    Invalid(String),
    Duplicate(String),
}

/// The absolute `ws:` or `wss:` form of a URL, which may be relative to the page, `http:` or `https:`.
pub(crate) fn resolve(url: &str) -> Result<String, UrlError> {
    let parsed = match location() {
        Some(base) => Url::new_with_base(url, &base),
        None => Url::new(url),
    }
    .map_err(|_| UrlError::Malformed)?;
    match parsed.protocol().as_str() {
        "http:" => parsed.set_protocol("ws:"),
        "https:" => parsed.set_protocol("wss:"),
        "ws:" | "wss:" => {}
        _ => return Err(UrlError::Scheme),
    }
    if url.contains('#') {
        return Err(UrlError::Fragment);
    }
    Ok(parsed.href())
}

/// Each name a token of HTTP's, and each only once.
pub(crate) fn check_protocols(protocols: &[String]) -> Result<(), ProtocolError> {
    for (index, name) in protocols.iter().enumerate() {
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(ProtocolError::Invalid(name.clone()));
        }
        if protocols.iter().take(index).any(|other| other == name) {
            return Err(ProtocolError::Duplicate(name.clone()));
        }
    }
    Ok(())
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// Where the page or worker is.
fn location() -> Option<String> {
    let location = Reflect::get(&js_sys::global(), &JsValue::from_str("location")).ok()?;
    let href = Reflect::get(&location, &JsValue::from_str("href")).ok()?;
    href.as_string().filter(|href| href.starts_with("http"))
}

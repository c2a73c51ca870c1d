//! The browser's WebSocket: its four handlers, set and taken off as one. No policy lives here.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use super::listener::{Callback, Listener};
use crate::proto::{Close, Generation};

/// What a listener is for.
#[derive(Clone, Copy)]
pub(super) enum Cue {
    Open,
    Message,
    Error,
    Close,
}

/// What a socket reports.
pub(super) enum Report {
    Opened,
    Message(JsValue),
    Error,
    Closed(Close),
}

/// One socket with its handlers. Dropping it takes the handlers off and closes it.
pub(super) struct Socket {
    raw: WebSocket,
    generation: Generation,
    listeners: Option<[Listener; 4]>,
}

impl Socket {
    /// Takes over a socket that was made in this very turn, before its first event.
    pub(super) fn bind(raw: WebSocket, generation: Generation, callback: impl Fn(Cue) -> Callback) -> Self {
        // Blobs are read asynchronously, and come out of order.
        raw.set_binary_type(BinaryType::Arraybuffer);
        let listeners = [
            ("open", Cue::Open),
            ("message", Cue::Message),
            ("error", Cue::Error),
            ("close", Cue::Close),
        ]
        .map(|(event, cue)| Listener::new(&raw, event, callback(cue)));
        Self {
            raw,
            generation,
            listeners: Some(listeners),
        }
    }

    pub(super) fn raw(&self) -> &WebSocket {
        &self.raw
    }

    pub(super) const fn generation(&self) -> Generation {
        self.generation
    }

    /// Whether what is sent now goes out. A socket that is closing swallows it in silence.
    pub(super) fn takes_messages(&self) -> bool {
        self.raw.ready_state() == WebSocket::OPEN
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Before it closes, which may call them.
        self.listeners.take();
        // Without a code it can't be refused.
        let _ = self.raw.close();
    }
}

/// What an event of a socket's says.
pub(super) fn report(cue: Cue, event: JsValue) -> Report {
    match cue {
        Cue::Open => Report::Opened,
        Cue::Message => Report::Message(event.unchecked_into::<MessageEvent>().data()),
        // What the event holds differs from browser to browser, and none of it says what went wrong.
        Cue::Error => Report::Error,
        Cue::Close => {
            let event: CloseEvent = event.unchecked_into();
            Report::Closed(Close {
                code: event.code(),
                reason: event.reason(),
                was_clean: event.was_clean(),
            })
        }
    }
}

/// Makes a socket; the browser refuses a URL that it can't or must not use.
#[cfg(feature = "channel")]
pub(crate) fn connect(url: &str, protocols: &[alloc::string::String]) -> Result<WebSocket, JsValue> {
    // As a list even if it is only one: a comma inside a name must not make it two.
    let list: js_sys::Array = protocols.iter().map(|name| JsValue::from_str(name)).collect();
    WebSocket::new_with_str_sequence(url, &list)
}

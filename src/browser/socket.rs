//! The browser's WebSocket: its four handlers, set and taken off as one. No policy lives here.

use wasm_bindgen::JsCast;
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use crate::proto::{Close, Generation};

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
    // Kept for as long as the socket may call them.
    _open: Closure<dyn FnMut()>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _error: Closure<dyn FnMut()>,
    _close: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    /// Takes over a socket that was made in this very turn, before its first event.
    pub(super) fn bind(raw: WebSocket, generation: Generation, report: impl Fn(Report) + Clone + 'static) -> Self {
        // Blobs are read asynchronously, and come out of order.
        raw.set_binary_type(BinaryType::Arraybuffer);
        let (opened, messaged, failed, closed) = (report.clone(), report.clone(), report.clone(), report);
        let open = Closure::new(move || opened(Report::Opened));
        let message = Closure::new(move |event: MessageEvent| messaged(Report::Message(event.data())));
        // What the event holds differs from browser to browser, and none of it says what went wrong.
        let error = Closure::new(move || failed(Report::Error));
        let close = Closure::new(move |event: CloseEvent| {
            closed(Report::Closed(Close {
                code: event.code(),
                reason: event.reason(),
                was_clean: event.was_clean(),
            }));
        });
        raw.set_onopen(Some(open.as_ref().unchecked_ref()));
        raw.set_onmessage(Some(message.as_ref().unchecked_ref()));
        raw.set_onerror(Some(error.as_ref().unchecked_ref()));
        raw.set_onclose(Some(close.as_ref().unchecked_ref()));
        Self {
            raw,
            generation,
            _open: open,
            _message: message,
            _error: error,
            _close: close,
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
        self.raw.set_onopen(None);
        self.raw.set_onmessage(None);
        self.raw.set_onerror(None);
        self.raw.set_onclose(None);
        // Without a code it can't be refused.
        let _ = self.raw.close();
    }
}

/// Makes a socket; the browser refuses a URL that it can't or must not use.
#[cfg(feature = "channel")]
pub(crate) fn connect(url: &str, protocols: &[alloc::string::String]) -> Result<WebSocket, JsValue> {
    // As a list even if it is only one: a comma inside a name must not make it two.
    let list: js_sys::Array = protocols.iter().map(|name| JsValue::from_str(name)).collect();
    WebSocket::new_with_str_sequence(url, &list)
}

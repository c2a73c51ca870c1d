//! One listener for one kind of event of one target: the browser's only way in, besides the timer. There is one type of
//! callback for all of them, because each type of closure brings code of its own.

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::EventTarget;

/// What the browser calls, with the event.
pub(super) type Callback = Closure<dyn FnMut(JsValue)>;

/// Listens until it is dropped.
pub(super) struct Listener {
    target: EventTarget,
    event: &'static str,
    callback: Callback,
}

impl Listener {
    /// Nothing is heard of a target that has no events: Node's global object is one.
    pub(super) fn new(target: &EventTarget, event: &'static str, callback: Callback) -> Self {
        let _ = target.add_event_listener_with_callback(event, callback.as_ref().unchecked_ref());
        Self {
            target: target.clone(),
            event,
            callback,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self
            .target
            .remove_event_listener_with_callback(self.event, self.callback.as_ref().unchecked_ref());
    }
}

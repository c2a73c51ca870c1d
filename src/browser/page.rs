//! What happens to the page, as signals for the machine: the network, visibility, leaving and coming back.
//! A worker hears of the network only; a runtime without such events hears nothing.

use alloc::vec::Vec;

use js_sys::Reflect;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, EventTarget};

use crate::proto::Signal;

const GLOBAL_EVENTS: [&str; 4] = ["online", "offline", "pagehide", "pageshow"];
const DOCUMENT_EVENTS: [&str; 2] = ["visibilitychange", "resume"];

/// Listens until it is dropped.
pub(super) struct Page {
    listener: Closure<dyn FnMut(Event)>,
    targets: Vec<(EventTarget, &'static [&'static str])>,
}

impl Page {
    pub(super) fn listen(mut report: impl FnMut(Signal) + 'static) -> Self {
        let listener = Closure::new(move |event: Event| {
            if let Some(signal) = signal(&event) {
                report(signal);
            }
        });
        let global: JsValue = js_sys::global().into();
        let document = property(&global, "document");
        let mut targets: Vec<(EventTarget, &'static [&'static str])> = Vec::new();
        for (target, events) in [(global, &GLOBAL_EVENTS[..]), (document, &DOCUMENT_EVENTS[..])] {
            // Node's global object is no event target.
            if property(&target, "addEventListener").is_function() {
                targets.push((target.unchecked_into(), events));
            }
        }
        let page = Self { listener, targets };
        page.each(|target, event, listener| {
            let _ = target.add_event_listener_with_callback(event, listener);
        });
        page
    }

    fn each(&self, change: impl Fn(&EventTarget, &str, &js_sys::Function)) {
        for (target, events) in &self.targets {
            for event in *events {
                change(target, event, self.listener.as_ref().unchecked_ref());
            }
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.each(|target, event, listener| {
            let _ = target.remove_event_listener_with_callback(event, listener);
        });
    }
}

/// Whether the browser says that there is no network. No word counts as a network.
pub(super) fn is_offline() -> bool {
    let navigator = property(&js_sys::global().into(), "navigator");
    property(&navigator, "onLine").as_bool() == Some(false)
}

fn signal(event: &Event) -> Option<Signal> {
    Some(match event.type_().as_str() {
        "online" => Signal::Online,
        "offline" => Signal::Offline,
        "pagehide" => Signal::Left,
        // Fires after the first load, too.
        "pageshow" if property(event, "persisted").is_truthy() => Signal::Returned,
        "resume" => Signal::Woke,
        "visibilitychange" => {
            let document: JsValue = event.target()?.into();
            if property(&document, "visibilityState").as_string().as_deref() == Some("visible") {
                Signal::Visible
            } else {
                Signal::Hidden
            }
        }
        _ => return None,
    })
}

/// A property, or `undefined` where there is none.
fn property(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

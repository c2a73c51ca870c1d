//! What happens to the page, as signals for the machine: the network, visibility, leaving and coming back.
//! A worker hears of the network only; a runtime without such events hears nothing.

use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::EventTarget;

use super::listener::{Callback, Listener};
use crate::proto::Signal;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = EventTarget)]
    type Global;
    #[wasm_bindgen(thread_local_v2, js_name = globalThis)]
    static GLOBAL: Global;

    /// None in a worker.
    #[wasm_bindgen(method, getter, structural)]
    fn document(this: &Global) -> Option<EventTarget>;
    #[wasm_bindgen(method, getter, structural)]
    fn navigator(this: &Global) -> Option<Navigator>;

    type Navigator;
    /// Not every runtime's navigator knows.
    #[wasm_bindgen(method, getter, structural, js_name = onLine)]
    fn on_line(this: &Navigator) -> Option<bool>;

    /// An event, with what is asked of one or the other.
    type PageEvent;
    #[wasm_bindgen(method, getter, structural)]
    fn target(this: &PageEvent) -> PageTarget;
    #[wasm_bindgen(method, getter, structural)]
    fn persisted(this: &PageEvent) -> bool;

    type PageTarget;
    #[wasm_bindgen(method, getter, structural)]
    fn hidden(this: &PageTarget) -> bool;
}

/// What a listener is for.
#[derive(Clone, Copy)]
pub(super) enum Cue {
    Online,
    Offline,
    Hide,
    Show,
    Visibility,
    Resume,
}

const OF_GLOBAL: [(&str, Cue); 4] = [
    ("online", Cue::Online),
    ("offline", Cue::Offline),
    ("pagehide", Cue::Hide),
    ("pageshow", Cue::Show),
];
const OF_DOCUMENT: [(&str, Cue); 2] = [("visibilitychange", Cue::Visibility), ("resume", Cue::Resume)];

/// Listens to all of it, until the listeners are dropped.
pub(super) fn listen(callback: impl Fn(Cue) -> Callback) -> Vec<Listener> {
    let mut listeners = Vec::new();
    let mut listen = |target: &EventTarget, events: &[(&'static str, Cue)]| {
        for &(event, cue) in events {
            listeners.push(Listener::new(target, event, callback(cue)));
        }
    };
    GLOBAL.with(|global| {
        listen(global, &OF_GLOBAL);
        if let Some(document) = global.document() {
            listen(&document, &OF_DOCUMENT);
        }
    });
    listeners
}

/// Whether the browser says that there is no network. No word counts as a network.
pub(super) fn is_offline() -> bool {
    GLOBAL.with(|global| global.navigator().and_then(|navigator| navigator.on_line()) == Some(false))
}

/// What an event says to the machine.
pub(super) fn signal(cue: Cue, event: JsValue) -> Option<Signal> {
    let event: PageEvent = event.unchecked_into();
    Some(match cue {
        Cue::Online => Signal::Online,
        Cue::Offline => Signal::Offline,
        Cue::Hide if event.persisted() => Signal::Left,
        Cue::Hide => Signal::Unloaded,
        // Fires after the first load, too.
        Cue::Show if !event.persisted() => return None,
        Cue::Show => Signal::Returned,
        Cue::Visibility if event.target().hidden() => Signal::Hidden,
        Cue::Visibility => Signal::Visible,
        Cue::Resume => Signal::Woke,
    })
}

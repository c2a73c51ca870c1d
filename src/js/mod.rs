//! The JavaScript face: the reactor as a class for the npm package's `socket.js`, which keeps the payloads, the promises
//! and the events. Text never enters wasm memory: only sizes and counts cross.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use core::cell::RefCell;
use core::time::Duration;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::WebSocket;

use crate::browser::{Host, Reactor};
use crate::proto::{
    Admission, Close, Config, ConnectTimeout, Connection, Event, Failure, Generation, Heartbeat, Inbox, InboxOverflow,
    Input, Outbox, OutboxOverflow, Reconnect, State, Stats,
};

#[wasm_bindgen]
extern "C" {
    /// The object in `socket.js` that the engine works for. Its methods never throw, `open` excepted.
    #[wasm_bindgen(typescript_type = "object")]
    pub type Face;

    #[wasm_bindgen(method, structural, catch)]
    fn open(this: &Face) -> Result<WebSocket, JsValue>;
    #[wasm_bindgen(method, structural, js_name = askUrl)]
    fn ask_url(this: &Face, attempt: u32);
    #[wasm_bindgen(method, structural, js_name = forgetUrl)]
    fn forget_url(this: &Face);
    #[wasm_bindgen(method, structural)]
    fn transmit(this: &Face, socket: &WebSocket, count: u32);
    #[wasm_bindgen(method, structural)]
    fn release(this: &Face, count: u32);
    #[wasm_bindgen(method, structural)]
    fn heartbeat(this: &Face, socket: &WebSocket);
    #[wasm_bindgen(method, structural)]
    fn deliver(this: &Face, data: JsValue);
    #[wasm_bindgen(method, structural, js_name = dropOldest)]
    fn drop_oldest(this: &Face, count: u32);
    /// `undefined` where the application has no opinion.
    #[wasm_bindgen(method, structural)]
    fn retry(this: &Face, code: u16, reason: &str, was_clean: bool) -> Option<bool>;
    #[wasm_bindgen(method, structural)]
    fn connected(this: &Face, socket: &WebSocket);
    #[wasm_bindgen(method, structural, js_name = stateChanged)]
    fn state_changed(this: &Face, state: &str, previous: &str, retry_in: Option<f64>, code: &str, message: &str);
    #[wasm_bindgen(method, structural)]
    fn opened(this: &Face);
    #[wasm_bindgen(method, structural)]
    fn disconnected(this: &Face, code: u16, reason: &str, was_clean: bool, retry_in: Option<f64>);
    /// Empty texts where nothing failed.
    #[wasm_bindgen(method, structural)]
    fn closed(this: &Face, code: u16, reason: &str, was_clean: bool, failure: &str, message: &str);
}

/// One socket.
#[wasm_bindgen]
pub struct Engine {
    reactor: Rc<Reactor<JsHost>>,
}

struct JsHost {
    machine: RefCell<Connection>,
    face: Face,
}

#[wasm_bindgen]
impl Engine {
    /// `options` are the numbers in the order in which [`config`] reads them.
    #[wasm_bindgen(constructor)]
    pub fn new(face: Face, options: &[f64]) -> Self {
        let machine = Connection::new(config(options), Reactor::<JsHost>::seed());
        Self {
            reactor: Reactor::new(JsHost {
                machine: RefCell::new(machine),
                face,
            }),
        }
    }

    /// Begins to connect.
    pub fn start(&self) {
        self.reactor.start();
    }

    /// A message of this size was put at the end of the face's outbox: 0 where it was accepted; otherwise the face takes
    /// it off again: 1 it has to wait, 2 there is no room, 3 it is too big, 4 the socket is closing or closed.
    pub fn send(&self, size: usize) -> u8 {
        match self.reactor.host().machine(|machine| machine.admits(size)) {
            Admission::Accept => {
                self.reactor.handle(Input::Send { size });
                0
            }
            Admission::Wait => 1,
            Admission::Reject => 2,
            Admission::TooBig => 3,
            Admission::Closed => 4,
        }
    }

    /// The application took this many messages out of the face's inbox.
    pub fn taken(&self, count: u32) {
        self.reactor.handle(Input::Taken {
            count: u64::from(count),
        });
    }

    /// Sends what is queued, then closes for good; `timeout` in milliseconds.
    pub fn close(&self, code: u16, reason: String, timeout: f64) {
        self.reactor.handle(Input::Close {
            code,
            reason,
            timeout: duration(timeout),
        });
    }

    /// Closes for good at once.
    pub fn abort(&self) {
        self.reactor.handle(Input::Abort);
    }

    /// The URL that was asked for is there, or failed.
    #[wasm_bindgen(js_name = urlAnswered)]
    pub fn url_answered(&self, attempt: u32, ready: bool) {
        let generation = self.reactor.host().machine(|machine| machine.generation());
        if generation.number() == attempt {
            self.reactor.handle(if ready {
                Input::UrlReady(generation)
            } else {
                Input::UrlFailed(generation)
            });
        }
    }

    /// `connecting`, `open`, `waiting` or `closed`.
    #[wasm_bindgen(getter)]
    pub fn state(&self) -> String {
        self.stats_now().state.as_str().into()
    }

    /// attempts, reconnects, sent, received, messages and bytes in the outbox, messages and bytes in the inbox.
    pub fn stats(&self) -> Box<[f64]> {
        let stats = self.stats_now();
        Box::new([
            f64::from(stats.attempts),
            f64::from(stats.reconnects),
            stats.sent as f64,
            stats.received as f64,
            stats.outbox.messages as f64,
            stats.outbox.bytes as f64,
            stats.inbox.messages as f64,
            stats.inbox.bytes as f64,
        ])
    }

    fn stats_now(&self) -> Stats {
        self.reactor.host().machine(|machine| machine.stats())
    }
}

impl Host for JsHost {
    fn machine<R>(&self, work: impl FnOnce(&mut Connection) -> R) -> R {
        work(&mut self.machine.borrow_mut())
    }

    fn open(&self) -> Result<WebSocket, JsValue> {
        self.face.open()
    }

    fn ask_url(&self, generation: Generation, _last_close: Option<Close>) {
        self.face.ask_url(generation.number());
    }

    fn forget_url(&self) {
        self.face.forget_url();
    }

    fn transmit(&self, socket: &WebSocket, _first: u64, count: u64) {
        self.face.transmit(socket, count as u32);
    }

    fn release(&self, count: u64) {
        self.face.release(count as u32);
    }

    fn heartbeat(&self, socket: &WebSocket) {
        self.face.heartbeat(socket);
    }

    fn deliver(&self, data: JsValue) {
        self.face.deliver(data);
    }

    fn drop_oldest(&self, count: u64) {
        self.face.drop_oldest(count as u32);
    }

    fn retry(&self, close: &Close) -> Option<bool> {
        self.face.retry(close.code, &close.reason, close.was_clean)
    }

    fn connected(&self, socket: &WebSocket) {
        self.face.connected(socket);
    }

    fn tell(&self, event: Event) {
        let millis = |span: Option<Duration>| span.map(|span| span.as_secs_f64() * 1000.0);
        let words = |failure: Option<Failure>| failure.map_or(("", ""), |failure| (failure.code(), failure.message()));
        match event {
            // The beginning: nobody can have seen another state.
            Event::StateChange {
                state: State::Connecting,
                previous: State::Connecting,
                ..
            } => {}
            Event::StateChange {
                state,
                previous,
                retry_in,
                cause,
            } => {
                let (code, message) = words(cause);
                self.face
                    .state_changed(state.as_str(), previous.as_str(), millis(retry_in), code, message);
            }
            Event::Open => self.face.opened(),
            Event::Disconnected { close, retry_in } => {
                self.face
                    .disconnected(close.code, &close.reason, close.was_clean, millis(retry_in));
            }
            Event::Closed { close, failure } => {
                let (code, message) = words(failure);
                self.face
                    .closed(close.code, &close.reason, close.was_clean, code, message);
            }
        }
    }
}

/// `socket.js` writes these numbers in this order: delays in milliseconds, bounds, switches as 0 or 1, choices as their
/// place in the list of the documentation. Infinity is no limit.
fn config(options: &[f64]) -> Config {
    let mut options = options.iter().copied();
    let mut next = || options.next().unwrap_or_default();
    let mut config = Config::new();
    let reconnects = next() != 0.0;
    let reconnect = Reconnect {
        min_delay: duration(next()),
        max_delay: duration(next()),
        factor: next(),
        max_attempts: Some(next()).filter(|most| most.is_finite()).map(|most| most as u32),
        stable_after: duration(next()),
    };
    config.reconnect = reconnects.then_some(reconnect);
    config.connect_timeout = ConnectTimeout(duration(next()));
    let heartbeat = Heartbeat {
        interval: duration(next()),
        timeout: duration(next()),
    };
    config.heartbeat = (!heartbeat.interval.is_zero()).then_some(heartbeat);
    config.outbox = Outbox {
        messages: next() as usize,
        bytes: next() as usize,
        overflow: match next() as u8 {
            0 => OutboxOverflow::Wait,
            1 => OutboxOverflow::Reject,
            _ => OutboxOverflow::DropOldest,
        },
    };
    config.inbox = Inbox {
        messages: next() as usize,
        bytes: next() as usize,
        overflow: match next() as u8 {
            0 => InboxOverflow::Close,
            _ => InboxOverflow::DropOldest,
        },
    };
    config.ask_url = next() != 0.0;
    config
}

/// Milliseconds of JavaScript's as a duration; what is no length of time is none.
fn duration(millis: f64) -> Duration {
    Duration::from_micros((millis * 1000.0) as u64)
}

//! The JavaScript face: the reactor as a class for the npm package's `link.js`, which keeps the payloads, the promises
//! and the events. Text never enters wasm memory: only sizes and counts cross.

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
    Input, Outbox, OutboxOverflow, Reconnect, State,
};

#[wasm_bindgen]
extern "C" {
    /// The object in `link.js` that the engine works for. Its methods never throw, `open` excepted.
    #[wasm_bindgen(typescript_type = "object")]
    pub type Face;

    #[wasm_bindgen(method, structural, catch)]
    fn open(this: &Face) -> Result<WebSocket, JsValue>;
    #[wasm_bindgen(method, structural)]
    fn connected(this: &Face);
    #[wasm_bindgen(method, structural, js_name = askUrl)]
    fn ask_url(this: &Face, attempt: u32);
    #[wasm_bindgen(method, structural, js_name = forgetUrl)]
    fn forget_url(this: &Face);
    #[wasm_bindgen(method, structural)]
    fn transmit(this: &Face, count: u32);
    #[wasm_bindgen(method, structural)]
    fn release(this: &Face, count: u32);
    #[wasm_bindgen(method, structural)]
    fn heartbeat(this: &Face);
    #[wasm_bindgen(method, structural)]
    fn deliver(this: &Face, data: JsValue);
    #[wasm_bindgen(method, structural, js_name = dropOldest)]
    fn drop_oldest(this: &Face, count: u32);
    /// `undefined` where the application has no opinion.
    #[wasm_bindgen(method, structural)]
    fn retry(this: &Face, code: u16, reason: &str, was_clean: bool) -> Option<bool>;
    /// States as their place in the list of `State`.
    #[wasm_bindgen(method, structural, js_name = stateChanged)]
    fn state_changed(this: &Face, state: u8, previous: u8, retry_in: Option<f64>, code: &str, message: &str);
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
    /// The options as numbers: delays in milliseconds, bounds, switches as 0 or 1, choices as their place in the list of
    /// the documentation. Infinity is no limit. One by one: numbers cross for nothing, a list would have to be copied.
    #[expect(clippy::too_many_arguments, reason = "see above; link.js passes them in this order")]
    #[wasm_bindgen(constructor)]
    pub fn new(
        face: Face,
        reconnects: bool,
        min_delay: f64,
        max_delay: f64,
        factor: f64,
        max_attempts: f64,
        stable_after: f64,
        connect_timeout: f64,
        heartbeat_interval: f64,
        heartbeat_timeout: f64,
        outbox_messages: f64,
        outbox_bytes: f64,
        outbox_overflow: u8,
        inbox_messages: f64,
        inbox_bytes: f64,
        inbox_overflow: u8,
        asks_url: bool,
    ) -> Self {
        let mut config = Config::new();
        config.reconnect = reconnects.then(|| Reconnect {
            min_delay: duration(min_delay),
            max_delay: duration(max_delay),
            factor,
            max_attempts: Some(max_attempts)
                .filter(|most| most.is_finite())
                .map(|most| most as u32),
            stable_after: duration(stable_after),
        });
        config.connect_timeout = ConnectTimeout(duration(connect_timeout));
        config.heartbeat = (heartbeat_interval > 0.0).then(|| Heartbeat {
            interval: duration(heartbeat_interval),
            timeout: duration(heartbeat_timeout),
        });
        config.outbox = Outbox {
            messages: outbox_messages as usize,
            bytes: outbox_bytes as usize,
            overflow: match outbox_overflow {
                0 => OutboxOverflow::Wait,
                1 => OutboxOverflow::Reject,
                _ => OutboxOverflow::DropOldest,
            },
        };
        config.inbox = Inbox {
            messages: inbox_messages as usize,
            bytes: inbox_bytes as usize,
            overflow: match inbox_overflow {
                0 => InboxOverflow::Close,
                _ => InboxOverflow::DropOldest,
            },
        };
        config.ask_url = asks_url;
        let machine = Connection::new(config, Reactor::<JsHost>::seed());
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

    /// One of: attempts, reconnects, sent, received, messages and bytes in the outbox, messages and bytes in the inbox.
    pub fn figure(&self, index: u8) -> f64 {
        let stats = self.reactor.host().machine(|machine| machine.stats());
        match index {
            0 => f64::from(stats.attempts),
            1 => f64::from(stats.reconnects),
            2 => stats.sent as f64,
            3 => stats.received as f64,
            4 => stats.outbox.messages as f64,
            5 => stats.outbox.bytes as f64,
            6 => stats.inbox.messages as f64,
            _ => stats.inbox.bytes as f64,
        }
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

    fn transmit(&self, _socket: &WebSocket, _first: u64, count: u64) {
        self.face.transmit(count as u32);
    }

    fn release(&self, count: u64) {
        self.face.release(count as u32);
    }

    fn heartbeat(&self, _socket: &WebSocket) {
        self.face.heartbeat();
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

    fn connected(&self, _socket: &WebSocket) {
        self.face.connected();
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
                    .state_changed(state as u8, previous as u8, millis(retry_in), code, message);
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

/// Milliseconds of JavaScript's as a duration; what is no length of time is none.
#[inline(never)]
fn duration(millis: f64) -> Duration {
    Duration::from_micros((millis * 1000.0) as u64)
}

//! The task between the handles and the browser: it owns the reactor, runs it when a handle has left something, and asks
//! the URL provider.

use std::boxed::Box;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::rc::Rc;
use std::string::String;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec::Vec;

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use web_sys::WebSocket;

use super::builder::{Attempt, RetryPolicy, UrlFuture, UrlProvider};
use super::core::Core;
use crate::browser::{self, Host, Reactor};
use crate::codec::{Arrival, Payload};
use crate::proto::{Close, Connection, Event, Generation, Input};
use crate::session::{Chunk, PROTOCOL};

/// What the builder hands over.
pub(super) struct Plan {
    pub(super) url: String,
    pub(super) protocols: Vec<String>,
    pub(super) provider: Option<UrlProvider>,
    pub(super) retry: Option<RetryPolicy>,
    pub(super) heartbeat: Option<Box<dyn Fn() -> Option<Payload>>>,
}

/// The Rust face's part of the reactor.
pub(super) struct Driver {
    core: Arc<Core>,
    plan: Plan,
    /// The URL of the attempt under way.
    url: RefCell<String>,
    question: RefCell<Option<(Generation, UrlFuture)>>,
}

/// Runs the socket until it is closed for good.
pub(super) fn spawn(core: Arc<Core>, plan: Plan) {
    wasm_bindgen_futures::spawn_local(async move {
        let reactor = Reactor::new(Driver {
            core: core.clone(),
            url: RefCell::new(plan.url.clone()),
            plan,
            question: RefCell::default(),
        });
        let mut started = false;
        poll_fn(|cx| {
            let (taken, close) = core.attend(cx.waker());
            for input in taken.into_iter().chain(close) {
                reactor.handle(input);
            }
            // After a close that came first: that one makes no socket unless something is queued.
            if !mem::replace(&mut started, true) {
                reactor.start();
            }
            drive(&reactor, &core, cx)
        })
        .await;
    });
}

fn drive(reactor: &Rc<Reactor<Driver>>, core: &Core, cx: &mut Context<'_>) -> Poll<()> {
    reactor.run();
    if let Some(answer) = reactor.host().poll_question(cx) {
        reactor.handle(answer);
    }
    if core.is_closed() {
        Poll::Ready(())
    } else {
        Poll::Pending
    }
}

impl Driver {
    /// Sees whether the URL provider has answered.
    fn poll_question(&self, cx: &mut Context<'_>) -> Option<Input> {
        // Out of its place while it runs: it may do anything.
        let (generation, mut question) = self.question.take()?;
        match question.as_mut().poll(cx) {
            Poll::Pending => {
                let current = self.core.machine(|machine| machine.generation());
                if generation == current {
                    self.question.replace(Some((generation, question)));
                }
                None
            }
            Poll::Ready(answer) => Some(match answer.and_then(|url| browser::resolve(&url).ok()) {
                Some(url) => {
                    self.url.replace(url);
                    Input::UrlReady(generation)
                }
                None => Input::UrlFailed(generation),
            }),
        }
    }
}

impl Host for Driver {
    fn machine<R>(&self, work: impl FnOnce(&mut Connection) -> R) -> R {
        self.core.machine(work)
    }

    fn open(&self) -> Result<WebSocket, JsValue> {
        if self.core.machine(|machine| machine.is_durable()) {
            // The application's own travel in the session's first frame.
            return browser::connect(&self.url.borrow(), &[PROTOCOL.into()]);
        }
        browser::connect(&self.url.borrow(), &self.plan.protocols)
    }

    fn ask_url(&self, generation: Generation, last_close: Option<Close>) {
        let Some(provider) = &self.plan.provider else {
            return;
        };
        let attempt = Attempt {
            number: generation.number(),
            last_close,
        };
        self.question.replace(Some((generation, provider(attempt))));
        self.core.wake_driver();
    }

    fn forget_url(&self) {
        self.question.take();
    }

    fn transmit(&self, socket: &WebSocket, _first: u64, count: u64) {
        // Pages wrap `send`: it may be anybody's code, and runs without the lock.
        for _ in 0..count {
            if let Some(payload) = self.core.next_outgoing() {
                transmit(socket, &payload);
            }
        }
    }

    fn transmit_batch(&self, socket: &WebSocket, chunk: Chunk) {
        transmit_bytes(socket, &self.core.frame(chunk));
    }

    fn transmit_frame(&self, socket: &WebSocket, frame: &[u8]) {
        transmit_bytes(socket, frame);
    }

    fn release(&self, count: u64) {
        self.core.release(count);
    }

    fn heartbeat(&self, socket: &WebSocket) {
        if let Some(payload) = self.plan.heartbeat.as_ref().and_then(|message| message()) {
            transmit(socket, &payload);
        }
    }

    fn deliver(&self, arrivals: VecDeque<Arrival>, wakes: bool) {
        self.core.deliver(arrivals, wakes);
    }

    fn is_awaited(&self) -> bool {
        self.core.is_awaited()
    }

    fn wake(&self) {
        self.core.wake_receiver();
    }

    fn drop_oldest(&self, count: u64) {
        self.core.drop_oldest(count);
    }

    fn retry(&self, close: &Close) -> Option<bool> {
        self.plan.retry.as_ref().map(|policy| policy(close))
    }

    fn connected(&self, socket: &WebSocket) {
        self.core.set_protocol(socket.protocol());
    }

    fn tell(&self, event: Event) {
        self.core.tell(&event);
    }
}

/// Hands a payload to a socket that is open.
fn transmit(socket: &WebSocket, payload: &Payload) {
    match payload {
        // It throws only before the socket is open.
        Payload::Text(text) => drop(socket.send_with_str(text)),
        Payload::Bytes(bytes) => transmit_bytes(socket, bytes),
    }
}

fn transmit_bytes(socket: &WebSocket, bytes: &[u8]) {
    let _ = if cfg!(target_feature = "atomics") {
        // A view of memory that threads share can't be sent: copy it out first.
        socket.send_with_js_u8_array(&Uint8Array::from(bytes))
    } else {
        socket.send_with_u8_array(bytes)
    };
}

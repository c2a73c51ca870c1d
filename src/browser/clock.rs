//! The time, one timer, the end of a turn of the event loop, and randomness.

use core::cell::Cell;

use gloo_timers::callback::Timeout;
use js_sys::{Date, Math};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageChannel, MessagePort};

use super::listener::Callback;
use crate::proto::Time;

/// How far the two clocks may drift apart before it counts as a sleep, in milliseconds.
const SLEEP: f64 = 5_000.0;
/// A browser takes longer delays than this for none at all.
const LONGEST: u64 = i32::MAX as u64;

#[wasm_bindgen]
extern "C" {
    /// Milliseconds, with a fraction. Monotonic; stands still while some systems sleep.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// The present instant.
pub(super) fn now() -> Time {
    Time::from_micros((performance_now() * 1000.0) as u64)
}

/// A seed for jitter.
pub(super) fn seed() -> u64 {
    let half = || (Math::random() * f64::from(u32::MAX)) as u64;
    (half() << 32) | half()
}

/// Notices that the machine slept: the wall clock went on while the monotonic one stood still.
#[derive(Debug)]
pub(super) struct SleepWatch {
    offset: Cell<f64>,
}

impl SleepWatch {
    pub(super) fn new() -> Self {
        Self {
            offset: Cell::new(offset()),
        }
    }

    /// Whether it slept since it was last asked.
    pub(super) fn slept(&self) -> bool {
        let offset = offset();
        offset - self.offset.replace(offset) > SLEEP
    }
}

fn offset() -> f64 {
    Date::now() - performance_now()
}

/// A timer that is set. Dropping it stops it.
pub(super) struct Timer {
    deadline: Time,
    _timeout: Timeout,
}

impl Timer {
    /// Calls `fire` at `deadline` or, where that is too far off, earlier.
    pub(super) fn set(deadline: Time, fire: impl FnOnce() + 'static) -> Self {
        Self {
            deadline,
            _timeout: Timeout::new(millis(deadline, now()), fire),
        }
    }

    pub(super) const fn deadline(&self) -> Time {
        self.deadline
    }
}

/// Calls back when the present turn of the event loop has ended. Not a timer: browsers clamp those, and delay them in hidden
/// tabs.
pub(super) struct EndOfTurn {
    channel: Option<MessageChannel>,
    callback: Callback,
}

impl EndOfTurn {
    pub(super) fn new(callback: Callback) -> Self {
        Self {
            channel: None,
            callback,
        }
    }

    /// Calls back once. False where this runtime can't.
    pub(super) fn request(&mut self) -> bool {
        if self.channel.is_none() {
            self.channel = MessageChannel::new().ok();
            if let Some(channel) = &self.channel {
                listen(&channel.port1(), Some(&self.callback));
            }
        }
        self.channel
            .as_ref()
            .is_some_and(|channel| channel.port2().post_message(&JsValue::NULL).is_ok())
    }
}

impl Drop for EndOfTurn {
    fn drop(&mut self) {
        if let Some(channel) = &self.channel {
            listen(&channel.port1(), None);
            channel.port1().close();
        }
    }
}

fn listen(port: &MessagePort, callback: Option<&Callback>) {
    port.set_onmessage(callback.map(|callback| callback.as_ref().unchecked_ref()));
}

/// Rounded up, so that a timer is not early.
fn millis(deadline: Time, now: Time) -> u32 {
    let micros = deadline.as_micros().saturating_sub(now.as_micros());
    micros.div_ceil(1000).min(LONGEST) as u32
}

//! The time, one timer, and randomness.

use core::cell::Cell;

use js_sys::{Date, Math};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

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

    // By their bare names: workers and Node have no `window`. What a timer is, a number or an object, differs.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &JsValue, millis: u32) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
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
    id: JsValue,
    deadline: Time,
}

impl Timer {
    /// Calls `callback` at `deadline` or, where that is too far off, earlier.
    pub(super) fn set(deadline: Time, callback: &Callback) -> Self {
        Self {
            id: set_timeout(callback.as_ref(), millis(deadline, now())),
            deadline,
        }
    }

    pub(super) const fn deadline(&self) -> Time {
        self.deadline
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.id);
    }
}

/// Rounded up, so that a timer is not early.
fn millis(deadline: Time, now: Time) -> u32 {
    let micros = deadline.as_micros().saturating_sub(now.as_micros());
    micros.div_ceil(1000).min(LONGEST) as u32
}

//! The time, one timer, and randomness.

use core::cell::Cell;
use core::time::Duration;

use gloo_timers::callback::Timeout;
use js_sys::{Date, Math};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::proto::Time;

/// How far the two clocks may drift apart before it counts as a sleep, in milliseconds.
const SLEEP: f64 = 5_000.0;
/// A browser takes longer delays than this for none at all.
const LONGEST: u32 = i32::MAX as u32;

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

/// A timer that fires at `deadline` or, where that is too far off, earlier. Dropping it stops it.
pub(super) fn timeout(deadline: Time, now: Time, fire: impl FnOnce() + 'static) -> Timeout {
    Timeout::new(millis(deadline.since(now)), fire)
}

/// Rounded up, so that a timer is not early.
fn millis(delay: Duration) -> u32 {
    u32::try_from(delay.as_micros().div_ceil(1000)).map_or(LONGEST, |millis| millis.min(LONGEST))
}

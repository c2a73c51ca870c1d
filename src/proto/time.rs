//! Instants of the machine's clock. The machine never reads a clock: whoever drives it passes one of these in.

use core::ops::Add;
use core::time::Duration;

/// An instant, in microseconds since an origin that the driver chooses and keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The end of all time: what is to happen then never does.
    pub(super) const NEVER: Self = Self(u64::MAX);

    /// The instant `micros` microseconds after the origin.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The instant `millis` milliseconds after the origin.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Microseconds since the origin.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero where it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }
}

/// A span in whole microseconds; the longest there is where it is longer.
#[inline(never)]
pub(super) const fn micros(span: Duration) -> u64 {
    // Not `as_micros`: 128 bits cost a page code that nothing else needs.
    if span.as_secs() >= u64::MAX / 1_000_000 {
        return u64::MAX;
    }
    span.as_secs() * 1_000_000 + span.subsec_micros() as u64
}

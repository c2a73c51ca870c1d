//! How long to wait before the next attempt: exponential with full jitter, and a small generator of random numbers for it.

use core::time::Duration;

use super::policy::Reconnect;
use super::time::micros;

/// SplitMix64. Spreads clients apart; not for secrets.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in `low..=high`, in microseconds.
    pub(super) fn between(&mut self, low: u64, high: u64) -> Duration {
        let span = high.saturating_sub(low).saturating_add(1);
        // A fraction below 1 of 53 random bits, as many as it can hold.
        let fraction = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        Duration::from_micros(low.saturating_add((fraction * span as f64) as u64))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// What the end of the last connection asks of the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Nothing special.
    Usual,
    /// 1012: the server restarts, and so will all its clients come back at once.
    Restart,
    /// 1013, 4429: the server has too much to do.
    Overload,
}

#[derive(Debug)]
pub(super) struct Backoff {
    random: Random,
    /// Delays handed out since the last stable connection.
    failures: u32,
}

impl Backoff {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            failures: 0,
        }
    }

    /// The delay before the next attempt.
    pub(super) fn delay(&mut self, policy: &Reconnect, pace: Pace) -> Duration {
        let longest = micros(policy.max_delay);
        let (low, high) = match pace {
            Pace::Usual => (0, ceiling(policy, self.failures)),
            // Five to thirty seconds with the default policy: the range that the registry of close codes asks for.
            Pace::Restart => (longest / 6, longest),
            Pace::Overload => (longest / 2, longest),
        };
        let delay = self.random.between(low, high);
        self.failures = self.failures.saturating_add(1);
        delay
    }

    /// Spreads clients that all hear the same thing at the same moment.
    pub(super) fn spread(&mut self, most: Duration) -> Duration {
        self.random.between(0, micros(most))
    }

    pub(super) const fn reset(&mut self) {
        self.failures = 0;
    }
}

/// The longest delay after `failures` failures, in microseconds: `min_delay * factor ^ failures`, at most `max_delay`.
fn ceiling(policy: &Reconnect, failures: u32) -> u64 {
    let most = micros(policy.max_delay) as f64;
    let mut ceiling = micros(policy.min_delay) as f64;
    for _ in 0..failures {
        if ceiling >= most || policy.factor <= 1.0 {
            break;
        }
        ceiling *= policy.factor;
    }
    ceiling.min(most) as u64
}

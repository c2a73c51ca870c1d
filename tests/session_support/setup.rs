//! What a schedule runs with: sizes, windows, delays; and which rule it goes without.

use std::time::Duration;

use tautline::proto::OnSessionLost;
use tautline::session::Settings;

use super::random::Random;

/// The largest message of both sides.
pub(crate) const MAX_MESSAGE: u64 = 1 << 20;

/// A rule that is taken away, to see that it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// Rule 4: a server says that it has taken what has only arrived.
    ServerTakesOnArrival,
    /// Rule 4: a client does.
    ClientTakesOnArrival,
    /// Rule 5: a client believes that the limit is far away.
    IgnoreLimit,
    /// Rule 5: the receiver grants more than it has room for.
    GrantTooMuch,
    /// Rule 9: the latest HELLO to arrive wins, whatever its attempt.
    LateHelloWins,
    /// Rule 10: a token that nobody knows is resumed as if it had been known.
    ResumeTheUnknown,
    /// Rule 10: the application is not told of a lost session.
    LoseInSilence,
    /// Rule 11: that a session has ended is forgotten at once.
    ForgetEnds,
    /// Rule 11: a client comes back after a BYE.
    ReturnAfterBye,
    /// Rule 15: a node stores and takes without asking whether the session is still its own.
    StoreAlways,
    /// Rule 15: the highest limit granted is not stored.
    ForgetLimit,
}

/// What a schedule runs with.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// What each node grants.
    pub(crate) nodes: Vec<Settings>,
    pub(crate) connect_timeout: Duration,
    /// The client's window, in positions.
    pub(crate) window: u64,
    pub(crate) client_outbox: usize,
    /// What becomes of messages of unknown outcome.
    pub(crate) on_lost: OnSessionLost,
    /// Sizes of messages; some more often than others.
    pub(crate) sizes: Vec<usize>,
    /// The longest delay of a packet.
    pub(crate) delay: Duration,
    /// Packets that a socket holds until it counts as full.
    pub(crate) socket: usize,
    /// Packets that the client's system takes from the browser, whether the link lives or not.
    pub(crate) system: usize,
    /// How often a timer is late, once in so many times.
    pub(crate) late_timers: u64,
    /// How often a HELLO comes late, once in so many times.
    pub(crate) late_hellos: u64,
    /// The longest pause between two steps.
    pub(crate) pause: Duration,
    /// How likely each kind of trouble is, of a thousand steps.
    pub(crate) trouble: u64,
    /// The store outlives the processes.
    pub(crate) persistent: bool,
    pub(crate) sabotage: Option<Sabotage>,
}

impl Setup {
    pub(crate) fn new(random: &mut Random, sabotage: Option<Sabotage>) -> Self {
        let ms = Duration::from_millis;
        let common = Settings {
            max_message: MAX_MESSAGE,
            resume: ms(random.pick(&[3_000, 10_000, 60_000])),
            heartbeat: ms(random.pick(&[0, 500, 2_000, 5_000])),
            probe: ms(random.pick(&[300, 2_000])),
            outbox_messages: 1 + random.below(40) as usize,
            outbox_bytes: random.pick(&[30_000, 1 << 20]),
            ..Settings::default()
        };
        let windows = [1, 2, 3, 5, 8, 30, 400];
        let nodes = (0..random.pick(&[1, 2, 2]))
            .map(|_| Settings {
                window: random.pick(&windows),
                ..common
            })
            .collect();
        let sizes = match random.below(1000) {
            // A few of these fill a browser's socket, and chunks of 64 KiB are not enough for one.
            0..3 => vec![10, 300_000],
            3..250 => vec![0, 1, 10, 4095, 4096, 10_000],
            250..500 => vec![1, 2, 5, 8, 9, 10, 12, 20, 4096],
            _ => vec![0, 3, 7, 10, 11, 12, 13, 14],
        };
        Self {
            nodes,
            connect_timeout: ms(random.pick(&[2_000, 10_000])),
            window: random.pick(&windows),
            client_outbox: 1 + random.below(40) as usize,
            on_lost: match random.below(8) {
                0 => OnSessionLost::End,
                1..4 => OnSessionLost::Resend,
                _ => OnSessionLost::Return,
            },
            sizes,
            delay: ms(random.pick(&[0, 5, 50, 400])),
            socket: random.pick(&[1, 3, 50]),
            system: random.pick(&[0, 2, 1_000]),
            late_timers: random.pick(&[3, 20, 1_000_000]),
            late_hellos: random.pick(&[4, 1_000_000, 1_000_000]),
            pause: ms(random.pick(&[1, 20, 300, 3_000])),
            trouble: random.pick(&[10, 30, 100, 300]),
            persistent: random.one_in(2),
            sabotage,
        }
    }

    pub(crate) fn is_without(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }

    /// The window that an end works with, where this is what it has room for.
    pub(crate) fn granted(&self, window: u64) -> u64 {
        window * if self.is_without(Sabotage::GrantTooMuch) { 3 } else { 1 }
    }

    /// Positions that the largest message takes up.
    pub(crate) fn largest_span(&self) -> u64 {
        tautline::session::span(self.sizes.iter().copied().max().unwrap_or_default())
    }
}

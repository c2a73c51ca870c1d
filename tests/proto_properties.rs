//! The machine under random configurations and random, hostile orders of events.
//!
//! Each schedule has a seed of its own, which a failure prints: `TAUTLINE_SEED=… cargo test --test proto_properties`
//! runs that one and says what it does. `TAUTLINE_SCHEDULES=…` runs more than the usual number. What is checked all the
//! time is in `support/checks.rs`; here is what must hold in the end.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use std::collections::BTreeMap;
use std::env;
use std::thread;
use std::time::Duration;

use support::random::Random;
use support::{Rig, UserCall, ms, secs};
use tautline::proto::{
    Config, ConnectTimeout, Heartbeat, Inbox, InboxOverflow, Input, Outbox, OutboxOverflow, Reconnect, Signal, State,
};

const SCHEDULES: u64 = 100_000;

/// Something that happens. Where it can't, at that moment, nothing does.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// What a healthy browser and server would do next.
    Health,
    Send(usize),
    Take(usize),
    /// The application does this while it is told something.
    Reenter(UserCall),
    Close(u16, Duration),
    Abort,
    UrlFails,
    /// The browser begins or ceases to refuse sockets.
    Unmakeable(bool),
    Refuses,
    Arrives(usize),
    BeginsToClose,
    /// An error, without an end.
    Fails,
    Ends(u16, Option<bool>),
    Drains(usize),
    Page(Signal),
    Passes(Duration),
    Sleeps(Duration),
    FiresEarly,
    /// A report of this kind about an earlier socket, or one that makes no sense now.
    Stale(u64, usize),
}

#[test]
fn random_schedules() {
    if let Some(seed) = number("TAUTLINE_SEED") {
        Schedule::new(seed, true).run();
        return;
    }
    let count = number("TAUTLINE_SCHEDULES").unwrap_or(SCHEDULES);
    let workers = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let mut ends = BTreeMap::new();
    let mut sent = 0;
    thread::scope(|scope| {
        let all: Vec<_> = (0..workers)
            .map(|worker| scope.spawn(move || schedules((worker..count).step_by(workers as usize))))
            .collect();
        for (some_ends, some_sent) in all
            .into_iter()
            .map(|worker| worker.join().expect("every schedule passes"))
        {
            for (end, times) in some_ends {
                *ends.entry(end).or_insert(0) += times;
            }
            sent += some_sent;
        }
    });
    println!("{count} schedules, {sent} messages handed on, ends: {ends:#?}");
    if count < SCHEDULES {
        return;
    }
    // Nothing of this means much if the schedules don't get anywhere.
    assert!(sent > count, "messages are handed on");
    assert!(ends["None"] > count / 4, "many live to the end");
    for failure in [
        "Refused",
        "Timeout",
        "Url",
        "Closed",
        "Attempts",
        "Overflow",
        "TooBig",
        "Protocol",
        "Unauthorized",
        "Silent",
        "PageHidden",
        "Aborted",
    ] {
        assert!(
            ends.contains_key(&format!("Some(Some({failure}))")),
            "{failure} happens"
        );
    }
    assert!(ends.contains_key("Some(None)"), "the caller's close happens");
}

/// Runs the schedules of these seeds; how often each end came about, and how many messages were handed on.
fn schedules(seeds: impl Iterator<Item = u64>) -> (BTreeMap<String, u64>, u64) {
    let mut ends = BTreeMap::new();
    let mut sent = 0;
    for seed in seeds {
        let mut schedule = Schedule::new(seed, false);
        schedule.run();
        let end = schedule.rig.end().map(|(_, failure)| *failure);
        *ends.entry(format!("{end:?}")).or_default() += 1;
        sent += schedule.rig.wire.len() as u64;
    }
    (ends, sent)
}

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().expect("a number"))
}

struct Schedule {
    seed: u64,
    random: Random,
    rig: Rig,
    verbose: bool,
}

impl Drop for Schedule {
    fn drop(&mut self) {
        if thread::panicking() && !self.verbose {
            eprintln!("run it again with TAUTLINE_SEED={}", self.seed);
        }
    }
}

impl Schedule {
    fn new(seed: u64, verbose: bool) -> Self {
        let mut random = Random::new(seed);
        let config = config(&mut random);
        if verbose {
            println!("{config:#?}");
        }
        let mut rig = Rig::idle(config, random.next());
        if !verbose {
            rig.keep_nothing();
        }
        Self {
            seed,
            random,
            rig,
            verbose,
        }
    }

    fn run(&mut self) {
        if self.random.one_in(20) {
            self.some_steps(5);
        }
        self.rig.handle(Input::Connect);
        let most = 20 + self.random.below(40);
        self.some_steps(most);
        self.heal();
        if self.random.one_in(4) {
            // A second bout, from a machine that has a past.
            self.some_steps(20);
            self.heal();
        }
    }

    fn some_steps(&mut self, count: u64) {
        // A few more after the end, to see that it is one.
        let mut encores = 5;
        for _ in 0..count {
            if self.rig.state() == State::Closed {
                if encores == 0 {
                    return;
                }
                encores -= 1;
            }
            let step = step(&mut self.random, &self.rig.config);
            if self.verbose {
                println!("{:?} {step:?}", self.rig.now);
            }
            self.apply(step);
            if self.verbose {
                for output in self.rig.outputs() {
                    println!("    {output:?}");
                }
            }
        }
    }

    fn apply(&mut self, step: Step) {
        let rig = &mut self.rig;
        let connecting = rig.socket.as_ref().is_some_and(|socket| !socket.open);
        let open = rig.socket.as_ref().is_some_and(|socket| socket.open);
        match step {
            Step::Health => health(rig),
            Step::Send(size) => {
                rig.send(size);
            }
            Step::Take(count) => rig.take(count),
            Step::Reenter(call) => rig.on_tell = Some(call),
            Step::Close(code, timeout) => rig.close(code, timeout),
            Step::Abort => rig.abort(),
            Step::UrlFails if rig.asking.is_some() => rig.url_failed(),
            Step::Unmakeable(unmakeable) => rig.unmakeable = unmakeable,
            Step::Refuses if connecting => rig.refuses(),
            Step::Arrives(size) if open => rig.arrives(size),
            Step::Fails if rig.socket.is_some() => rig.fails(),
            Step::BeginsToClose if open => rig.begins_to_close(),
            Step::Ends(code, retry) if open => rig.ends_with(code, retry),
            Step::Drains(bytes) => rig.drains(bytes),
            Step::Page(signal) => rig.page(signal),
            Step::Passes(span) => rig.passes(span),
            Step::Sleeps(span) => rig.sleeps(span),
            Step::FiresEarly if rig.timer.is_some() => rig.fires(),
            Step::Stale(kind, choice) => {
                if let Some(input) = stale(rig, kind, choice) {
                    rig.ignores(&input);
                }
            }
            _ => {}
        }
    }

    /// Everything is well from now on: it becomes open, and what was accepted is handed on.
    fn heal(&mut self) {
        let rig = &mut self.rig;
        rig.unmakeable = false;
        rig.on_tell = None;
        rig.page(Signal::Online);
        rig.page(Signal::Returned);
        let started = rig.now;
        for _ in 0..200 {
            let at_work = rig.state() != State::Closed
                && (rig.state() != State::Open || !rig.is_writable() || !rig.outbox.is_empty());
            if !at_work {
                break;
            }
            health(rig);
            let next = rig.timer.map_or(ms(10), |deadline| deadline.since(rig.now));
            let acts = rig.asking.is_some() || rig.socket.is_some();
            rig.passes(if acts { next.min(ms(5)) } else { next });
        }
        let patience = rig.config.reconnect.map_or(secs(0), |reconnect| reconnect.max_delay);
        assert!(rig.now.since(started) <= patience + secs(10), "it takes its time");
        if rig.state() == State::Closed {
            return;
        }
        assert_eq!(rig.state(), State::Open, "with all well it becomes open");
        assert!(rig.outbox.is_empty(), "what was accepted is handed on");
        assert_eq!(
            rig.wire.len() + rig.dropped.len(),
            rig.accepted as usize,
            "a message is handed on or dropped by policy, and not both"
        );
        assert!(rig.dropped.iter().all(|number| rig.wire.binary_search(number).is_err()));
    }
}

/// What a healthy browser and server do next.
fn health(rig: &mut Rig) {
    if rig.asking.is_some() {
        rig.url_ready();
        return;
    }
    let Some(socket) = &mut rig.socket else {
        return;
    };
    if !socket.open {
        rig.opens();
    } else if let Some((code, _)) = &socket.closed_with {
        let code = *code;
        rig.ends(code);
    } else if socket.closing {
        rig.ends(1006);
    } else {
        socket.buffered = 0;
        if socket.heartbeats > 0 {
            socket.heartbeats = 0;
            rig.take(usize::MAX);
            rig.arrives(1);
        }
    }
}

fn config(random: &mut Random) -> Config {
    let mut config = Config::new();
    config.reconnect = (!random.one_in(10)).then(|| Reconnect {
        min_delay: random.pick(&[ms(1), ms(250), secs(2)]),
        max_delay: random.pick(&[secs(1), secs(30)]),
        factor: random.pick(&[1.0, 1.5, 2.0]),
        max_attempts: random.one_in(4).then(|| 1 + random.below(4) as u32),
        stable_after: random.pick(&[Duration::ZERO, secs(1), secs(5)]),
    });
    config.connect_timeout = ConnectTimeout(random.pick(&[ms(50), secs(1), secs(10)]));
    config.heartbeat = random.one_in(2).then(|| Heartbeat {
        interval: random.pick(&[ms(300), secs(5)]),
        timeout: random.pick(&[ms(200), secs(3)]),
    });
    config.outbox = Outbox {
        messages: 1 + random.below(6) as usize,
        bytes: random.pick(&[10, 100, 4 << 20]),
        overflow: random.pick(&[OutboxOverflow::Wait, OutboxOverflow::Reject, OutboxOverflow::DropOldest]),
    };
    config.inbox = Inbox {
        messages: 1 + random.below(6) as usize,
        bytes: random.pick(&[20, 1000]),
        overflow: random.pick(&[InboxOverflow::Close, InboxOverflow::DropOldest]),
    };
    config.ask_url = random.one_in(3);
    config
}

fn step(random: &mut Random, config: &Config) -> Step {
    let span = |random: &mut Random| match random.below(4) {
        0 => ms(random.below(60)),
        1 => ms(random.below(1000)),
        2 => ms(random.below(6_000)),
        _ => ms(random.below(40_000)),
    };
    // A little more than fits, now and then.
    let outgoing = |random: &mut Random| random.below(config.outbox.bytes as u64 / 3 + 8) as usize;
    let close_timeout = |random: &mut Random| random.pick(&[Duration::ZERO, ms(500), secs(5)]);
    match random.below(1000) {
        0..300 => Step::Health,
        300..440 => Step::Send(outgoing(random)),
        440..490 => Step::Take(random.below(4) as usize),
        490..510 => Step::Reenter(match random.below(20) {
            0 => UserCall::Abort,
            1 => UserCall::Close(close_timeout(random)),
            2..8 => UserCall::Take(1),
            _ => UserCall::Send(outgoing(random)),
        }),
        510..513 => Step::Close(random.pick(&[1000, 3000, 4999]), close_timeout(random)),
        513 => Step::Abort,
        514..530 => Step::UrlFails,
        530 => Step::Unmakeable(true),
        531..535 => Step::Unmakeable(false),
        535..565 => Step::Refuses,
        565..605 => Step::Arrives(random.below(config.inbox.bytes as u64 / 4 + 4) as usize),
        605..615 => Step::BeginsToClose,
        615..620 => Step::Fails,
        620..665 => Step::Ends(
            random.pick(&[
                1000, 1001, 1002, 1006, 1006, 1006, 1006, 1006, 1009, 1011, 1012, 1013, 4401, 4429, 3000,
            ]),
            random.pick(&[None, None, None, None, None, None, Some(true), Some(true), Some(false)]),
        ),
        665..690 => Step::Drains(random.pick(&[100, 1 << 19, 8 << 20])),
        690..760 => Step::Page(random.pick(&[
            Signal::Online,
            Signal::Online,
            Signal::Offline,
            Signal::Visible,
            Signal::Hidden,
            Signal::Left,
            Signal::Returned,
            Signal::Returned,
            Signal::Woke,
        ])),
        760..880 => Step::Passes(span(random)),
        880..905 => Step::Sleeps(span(random)),
        905..920 => Step::FiresEarly,
        _ => Step::Stale(random.below(9), random.below(1000) as usize),
    }
}

/// An input that means nothing now, if this kind of it does not.
fn stale(rig: &Rig, kind: u64, choice: usize) -> Option<Input> {
    let generation = rig.past_generation(choice);
    let asked = rig.asking == Some(generation);
    let socket = rig.socket.as_ref().filter(|socket| socket.generation == generation);
    let connecting = socket.is_some_and(|socket| !socket.open);
    let open = socket.is_some_and(|socket| socket.open);
    match kind {
        0 => (!asked).then_some(Input::UrlReady(generation)),
        1 => (!asked).then_some(Input::UrlFailed(generation)),
        2 => (!connecting).then_some(Input::OpenFailed(generation)),
        3 => (!connecting).then_some(Input::Opened(generation)),
        4 => (!open).then_some(Input::Message(generation, choice)),
        5 => socket.is_none().then_some(Input::Error(generation)),
        6 => (!open).then_some(Input::Closing(generation)),
        7 => socket.is_none().then(|| Input::Closed {
            generation,
            close: support::close(1006),
            retry: [None, Some(true), Some(false)][choice % 3],
        }),
        _ => Some(Input::Buffered(choice << 12)),
    }
}

//! What a message costs the machine of `proto/`, counted: allocations, and what it tells its driver to do. Alone in its binary,
//! and one test, as every allocation of the process counts.
#![cfg(not(target_arch = "wasm32"))]

use std::alloc::System;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tautline::proto::{Admission, Config, Connection, Durable, Generation, Input, Output, State, Time};
use tautline::session::{Control, Welcome};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SIZE: usize = 100;
/// Messages in a round, and in a frame.
const ROUND: usize = 100;
const ROUNDS: usize = 200;
/// How far ahead of what was taken the server lets messages begin.
const WINDOW: u64 = 1024;

/// What was counted for a number of rounds.
#[derive(Clone, Copy, Debug, Default)]
struct Costs {
    /// Those of this test left out.
    allocations: usize,
    /// What the driver had to do, frames included.
    outputs: usize,
    /// Frames with messages, and those without.
    frames: usize,
    controls: usize,
}

/// A machine, and the one who carries out what it says.
struct Driver {
    machine: Connection,
    generation: Generation,
    now: Time,
    timer: Option<Time>,
    /// The end of the turn is waited for.
    is_busy: bool,
    costs: Costs,
    /// Messages that went out.
    sent: u64,
    /// Of those, how many the server took, and how many of its own it sent.
    taken: u64,
    arrived: u64,
    own_allocations: usize,
}

impl Driver {
    fn open(config: Config) -> Self {
        let is_durable = config.durable.is_some();
        let mut driver = Self {
            machine: Connection::new(config, 1),
            generation: Generation::default(),
            now: Time::from_millis(1_000_000),
            timer: None,
            is_busy: false,
            costs: Costs::default(),
            sent: 0,
            taken: 0,
            arrived: 0,
            own_allocations: 0,
        };
        driver.handle(Input::Connect);
        driver.handle(Input::Opened(driver.generation));
        if is_durable {
            let welcome = Welcome {
                token: "t".into(),
                limit: WINDOW,
                resume_ms: 60_000,
                max_message: 1 << 20,
                ..Welcome::default()
            };
            driver.control(&welcome.encode());
        }
        assert_eq!(driver.machine.state(), State::Open);
        driver
    }

    fn handle(&mut self, input: Input) {
        self.machine.handle(input, self.now);
        self.run();
    }

    fn control(&mut self, frame: &[u8]) {
        self.machine.control_frame(self.generation, frame, self.now);
        self.run();
    }

    fn run(&mut self) {
        while let Some(output) = self.machine.poll() {
            self.costs.outputs += 1;
            match output {
                Output::Open(generation) => self.generation = generation,
                Output::SetTimer(at) => self.timer = at,
                Output::AwaitTurn => self.is_busy = true,
                Output::Measure => self.machine.handle(Input::Buffered(0), self.now),
                Output::Frame(_) => self.costs.controls += 1,
                Output::Transmit { count, .. } => {
                    self.costs.frames += count as usize;
                    self.sent += count;
                }
                Output::Batch(chunk) => {
                    self.costs.frames += 1;
                    self.sent += chunk.count as u64;
                }
                _ => {}
            }
        }
    }

    fn send(&mut self) {
        assert_eq!(self.machine.admits(SIZE), Admission::Accept);
        self.handle(Input::Send { size: SIZE });
    }

    /// The turn ends, and so do those that begin by that; then a millisecond passes.
    fn turn(&mut self) {
        while std::mem::take(&mut self.is_busy) {
            self.handle(Input::TurnEnded);
        }
        self.now = self.now + Duration::from_millis(1);
        if self.timer.is_some_and(|at| at <= self.now) {
            self.timer = None;
            self.handle(Input::Timer);
        }
    }

    /// The application takes as many, one by one.
    fn take(&mut self, count: usize) {
        for _ in 0..count {
            self.handle(Input::Taken { count: 1 });
        }
        self.turn();
    }

    /// So many go out in one turn, without a session, and come back.
    fn plain_round(&mut self, count: usize) {
        for _ in 0..count {
            self.send();
        }
        self.turn();
        for _ in 0..count {
            self.handle(Input::Message(self.generation, SIZE));
        }
        self.take(count);
    }

    /// So many go out in one turn, in a session, and come back in a frame, as the server takes them.
    fn session_round(&mut self, count: usize) {
        for _ in 0..count {
            self.send();
        }
        self.turn();
        self.taken += count as u64;
        assert!(self.taken <= self.sent, "they went out");
        let ack = Control::Ack {
            taken: self.taken,
            limit: self.taken + WINDOW,
        };
        let region = Region::new(ALLOCATOR);
        let ack = ack.encode();
        self.own_allocations += region.change().allocations;
        self.control(&ack);
        self.machine
            .batch(self.generation, self.arrived + 1, &[SIZE; ROUND][..count], self.now);
        self.arrived += count as u64;
        self.run();
        self.take(count);
    }

    /// What rounds cost, once the queues are as large as they will be.
    fn costs(&mut self, mut round: impl FnMut(&mut Self)) -> Costs {
        for _ in 0..ROUNDS {
            round(self);
        }
        self.costs = Costs::default();
        self.own_allocations = 0;
        let region = Region::new(ALLOCATOR);
        for _ in 0..ROUNDS {
            round(self);
        }
        let allocations = region.change().allocations - self.own_allocations;
        Costs {
            allocations,
            ..self.costs
        }
    }
}

/// With so much room in the outbox.
fn config(is_durable: bool, outbox: usize) -> Config {
    let mut config = Config::new();
    config.durable = is_durable.then(Durable::default);
    config.outbox.messages = outbox;
    config.outbox.bytes = outbox * SIZE;
    config
}

/// What a session's rounds cost with so many messages in the outbox all the time.
fn costs_with_outbox(waiting: usize) -> Costs {
    let count = 10;
    let mut driver = Driver::open(config(true, waiting + count));
    for _ in 0..waiting {
        driver.send();
    }
    driver.turn();
    let costs = driver.costs(|driver| driver.session_round(count));
    assert_eq!(driver.machine.outbox().messages, waiting);
    costs
}

#[test]
fn what_a_message_costs() {
    let messages = ROUND * ROUNDS;

    // It goes out, is forgotten, and one comes in.
    let plain = Driver::open(config(false, 1000)).costs(|driver| driver.plain_round(ROUND));
    assert_eq!(plain.allocations, 0, "{plain:?}");
    assert_eq!(plain.frames, messages, "{plain:?}");
    assert!(plain.outputs <= 3 * messages + ROUNDS, "{plain:?}");

    // The first of a round goes out at once, the others together when the turn ends.
    let session = Driver::open(config(true, 1000)).costs(|driver| driver.session_round(ROUND));
    assert_eq!(session.frames, 2 * ROUNDS, "{session:?}");
    assert_eq!(
        session.allocations, session.controls,
        "only frames have bytes: {session:?}"
    );
    assert!(session.controls <= ROUNDS, "{session:?}");
    assert!(session.outputs <= 8 * ROUNDS, "nothing for a message: {session:?}");

    // However many wait.
    let [few, many] = [10, 100_000].map(costs_with_outbox);
    assert!(many.allocations <= few.allocations, "{few:?} {many:?}");
    assert!(many.outputs <= few.outputs, "{few:?} {many:?}");
    assert!(many.frames <= few.frames, "{few:?} {many:?}");
}

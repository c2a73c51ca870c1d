//! What is over leaves nothing in a hub: after many sessions of all kinds it takes up as much memory as after a few.
//! Alone in its binary, as every allocation of the process counts.
#![cfg(all(feature = "hub", not(target_arch = "wasm32")))]

use std::alloc::System;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tautline::hub::{Entrance, Hub, Output, Peer, Quotas, Rules, SessionId, TOKEN_BYTES};
use tautline::proto::{Admission, Time};
use tautline::session::{Bye, Control, FromServer, Hello, Link};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SESSIONS: u64 = 100_000;
/// How long a session is kept and its end remembered, in ms; and how many begin in that time.
const RESUME: u64 = 1_000;
const AT_A_TIME: u64 = 200;

/// A hub with a driver that keeps nothing.
struct World {
    hub: Hub,
    now: u64,
    count: u64,
    /// The last session that began, and its connection's WELCOME.
    begun: SessionId,
    token: String,
}

impl World {
    fn new() -> Self {
        let mut rules = Rules {
            quotas: Quotas {
                sessions: 400,
                per_address: 300,
                per_principal: 300,
            },
            protocols: None,
            ..Rules::default()
        };
        rules.settings.resume = Duration::from_millis(RESUME);
        Self {
            hub: Hub::new(rules),
            now: 0,
            count: 0,
            begun: 0,
            token: String::new(),
        }
    }

    fn run(&mut self) {
        while let Some(output) = self.hub.poll() {
            match output {
                Output::Choose { link, .. } => self.hub.choose(link, "a"),
                Output::Begin { session, .. } => self.begun = session,
                Output::Frame { bytes, .. } => {
                    if let Ok(FromServer::Welcome(welcome)) = FromServer::decode(&bytes) {
                        self.token = welcome.token;
                    }
                }
                Output::AwaitTurn => self.hub.turn_ended(),
                _ => {}
            }
        }
    }

    /// So much time passes.
    fn passes(&mut self, millis: u64) {
        let end = self.now + millis;
        let mut fired = 0;
        while let Some(due) = self.hub.deadline()
            && due <= Time::from_millis(end)
        {
            self.hub.tell_time(due);
            self.hub.timer();
            self.run();
            fired += 1;
            assert!(fired < 100_000, "a deadline that does not go away");
        }
        self.now = end;
        self.hub.tell_time(Time::from_millis(end));
    }

    fn hello(&mut self, peer: Peer, hello: &Hello) -> Link {
        self.count += 1;
        let link = self.hub.connect(peer, Entrance::Allowed);
        let mut random = [7; TOKEN_BYTES];
        random[..8].copy_from_slice(&self.count.to_be_bytes());
        self.hub.hello(link, &hello.encode(), random);
        self.run();
        link
    }

    /// A client that comes, does this and that, and goes for good in one of the ways that there are.
    fn visit(&mut self, number: u64) {
        let peer = Peer {
            origin: Some(format!("https://{}.test", number % 7)),
            principal: number.is_multiple_of(3).then(|| format!("user {number}")),
            address: Some(([10, 0, (number >> 8) as u8, number as u8]).into()),
        };
        let mut hello = Hello {
            limit: 100,
            attempt: 1,
            max_message: 1000,
            ..Hello::default()
        };
        if number.is_multiple_of(2) {
            hello.protocols = vec!["a".into()];
        }
        let link = self.hello(peer.clone(), &hello);
        let session = self.begun;
        for _ in 0..3 {
            assert_eq!(self.hub.send(session, 100), Admission::Accept);
        }
        self.hub.batch(link, 1, &[10, 20]);
        self.run();
        self.hub.take(session, 1);
        self.run();
        match number % 12 {
            0 => self.hub.terminate(session),
            1 => self.hub.close(session, 3000, "done"),
            2 => {
                self.hub.close(session, 3000, "done");
                let ack = Control::Ack { taken: 3, limit: 100 };
                self.hub.frame(link, &ack.encode());
            }
            3 => {
                let bye = Bye {
                    code: 1000,
                    reason: "bye".into(),
                };
                self.hub.frame(link, &Control::Bye(bye).encode());
            }
            4 => self.hub.closed(link, 1009, "too much"),
            5 => {
                self.hub.blocked(link);
                self.hub.close(session, 3000, "done");
            }
            6 => {
                // It comes back, and has lost its session.
                self.hub.closed(link, 1006, "");
                hello.token = std::mem::take(&mut self.token);
                hello.attempt = 2;
                hello.taken = 99;
                let link = self.hello(peer, &hello);
                self.hub.closed(link, 1006, "");
            }
            7 => {
                hello.token = std::mem::take(&mut self.token);
                hello.attempt = 2;
                let link = self.hello(peer, &hello);
                self.hub.closed(link, 1001, "");
            }
            8 => self.hub.batch(link, 77, &[1]),
            _ => self.hub.closed(link, 1006, ""),
        }
        self.run();
        // And one that never says anything, or goes before.
        let silent = self.hub.connect(Peer::default(), Entrance::Allowed);
        if number.is_multiple_of(2) {
            self.hub.closed(silent, 1006, "");
        }
        if number.is_multiple_of(AT_A_TIME / 10) {
            self.passes(RESUME / 10);
        }
    }

    /// All are gone, and everything that was to be remembered is forgotten.
    fn rest(&mut self) {
        self.passes(60_000);
        // A deadline, for whatever is only looked for at one.
        let link = self.hub.connect(Peer::default(), Entrance::Allowed);
        self.run();
        self.passes(60_000);
        assert!(!self.hub.awaits_hello(link));
        assert_eq!(self.hub.stats(), tautline::hub::Stats::default());
        assert_eq!(self.hub.deadline(), None);
    }
}

#[test]
fn what_is_over_takes_up_no_memory() {
    let mut world = World::new();
    let mut number = 0;
    let mut many = |world: &mut World, count| {
        for _ in 0..count {
            number += 1;
            world.visit(number);
        }
        world.rest();
    };
    many(&mut world, 2_000);
    let region = Region::new(ALLOCATOR);
    many(&mut world, SESSIONS);
    let change = region.change();
    let left = change.bytes_allocated as i64 - change.bytes_deallocated as i64;
    // One entry of the least that is kept for a session, and there were so many of them, would be more.
    assert!(left < 20_000, "{left} bytes are left: {change:?}");
    assert!(world.count > SESSIONS);
}

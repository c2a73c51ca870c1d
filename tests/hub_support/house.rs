//! A server's house with clients that say exactly what a test wants, and a clock that the test moves.

use std::time::Duration;

use tautline::hub::{Entrance, Peer, Rules, SessionId, TOKEN_BYTES};
use tautline::proto::{Admission, Time};
use tautline::session::{Batch, Control, FromServer, Hello, Kind, Link, Part, Settings, Welcome};

use super::driver::{Driver, News};

/// As news come with sizes for messages.
pub(crate) type Told = Vec<News<usize>>;

pub(crate) struct House {
    pub(crate) driver: Driver<usize>,
    pub(crate) now: u64,
    tokens: u8,
}

/// A client with its session.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) link: Link,
    pub(crate) session: SessionId,
    pub(crate) welcome: Welcome,
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn rules() -> Rules {
    Rules {
        settings: Settings {
            window: 8,
            max_message: 1000,
            resume: ms(60_000),
            heartbeat: ms(10_000),
            probe: ms(2_000),
            outbox_messages: 100,
            outbox_bytes: 100_000,
        },
        ..Rules::default()
    }
}

/// Nobody is asked whether they are there.
pub(crate) fn calm_rules() -> Rules {
    let mut rules = rules();
    rules.settings.heartbeat = Duration::ZERO;
    rules
}

pub(crate) fn hello(token: &str, attempt: u64) -> Hello {
    Hello {
        token: token.into(),
        limit: 20,
        attempt,
        max_message: 1000,
        ..Hello::default()
    }
}

pub(crate) fn page(origin: &str) -> Peer {
    Peer {
        origin: Some(origin.into()),
        ..Peer::default()
    }
}

pub(crate) fn user(principal: &str) -> Peer {
    Peer {
        principal: Some(principal.into()),
        ..Peer::default()
    }
}

pub(crate) fn place(address: &str) -> Peer {
    Peer {
        address: Some(address.parse().expect("an address")),
        ..Peer::default()
    }
}

impl House {
    pub(crate) fn new(rules: Rules) -> Self {
        let mut house = Self {
            driver: Driver::new(rules),
            now: 0,
            tokens: 0,
        };
        house.at(1_000_000);
        house
    }

    // Time

    fn at(&mut self, millis: u64) {
        self.now = millis;
        self.driver.hub.tell_time(Time::from_millis(millis));
    }

    /// So much time passes, and timers fire at their time.
    pub(crate) fn passes(&mut self, millis: u64) -> Told {
        let end = self.now + millis;
        let mut told = self.driver.run();
        let mut fired = 0;
        while let Some(deadline) = self.driver.hub.deadline()
            && deadline <= Time::from_millis(end)
        {
            self.at(self.now.max(deadline.as_micros().div_ceil(1000)));
            self.driver.hub.timer();
            told.extend(self.driver.run());
            self.turn_if_awaited(&mut told);
            fired += 1;
            assert!(fired < 10_000, "a deadline that does not go away");
        }
        self.at(end);
        told
    }

    /// So much time passes at once, with one late timer at its end.
    pub(crate) fn jumps(&mut self, millis: u64) -> Told {
        self.at(self.now + millis);
        self.driver.hub.timer();
        let mut told = self.driver.run();
        self.turn_if_awaited(&mut told);
        told
    }

    /// All that comes at once.
    pub(crate) fn now(&mut self) -> Told {
        self.driver.run()
    }

    /// All that comes until the turn is over.
    pub(crate) fn turn(&mut self) -> Told {
        let mut told = self.driver.run();
        self.turn_if_awaited(&mut told);
        told
    }

    fn turn_if_awaited(&mut self, told: &mut Told) {
        if self.driver.awaits_turn {
            self.driver.turn_ended();
            told.extend(self.driver.run());
            assert!(!self.driver.awaits_turn, "one turn is enough");
        }
    }

    // Clients

    pub(crate) fn connects(&mut self, peer: Peer) -> Link {
        self.driver.connect(peer, Entrance::Allowed)
    }

    pub(crate) fn says_hello(&mut self, link: Link, hello: &Hello) -> Told {
        self.says(link, &hello.encode())
    }

    pub(crate) fn says(&mut self, link: Link, frame: &[u8]) -> Told {
        self.tokens += 1;
        self.driver.binary(link, frame, [self.tokens; TOKEN_BYTES]);
        self.driver.run()
    }

    pub(crate) fn control(&mut self, link: Link, control: &Control) -> Told {
        self.says(link, &control.encode())
    }

    /// Messages of these sizes arrive from this client.
    pub(crate) fn messages(&mut self, link: Link, first: u64, sizes: &[usize]) -> Told {
        let bytes = vec![b'x'; sizes.iter().copied().max().unwrap_or_default()];
        let parts = sizes.iter().map(|&size| Part {
            kind: Kind::Bytes,
            bytes: &bytes[..size],
        });
        let frame = Batch::encode(first, parts);
        self.says(link, &frame)
    }

    /// A client that connects and begins a session.
    pub(crate) fn client(&mut self, peer: Peer) -> Client {
        let link = self.connects(peer);
        let told = self.says_hello(link, &hello("", 1));
        began(&told, link).unwrap_or_else(|| panic!("no session begins: {told:?}"))
    }

    /// The client of a session comes back, on a new connection.
    pub(crate) fn comes_back(&mut self, peer: Peer, token: &str, attempt: u64, taken: u64) -> (Link, Told) {
        let link = self.connects(peer);
        let hello = Hello {
            taken,
            ..hello(token, attempt)
        };
        let told = self.says_hello(link, &hello);
        (link, told)
    }

    pub(crate) fn loses(&mut self, link: Link) -> Told {
        self.driver.closed(link, 1006, "");
        self.driver.run()
    }

    // The application

    pub(crate) fn sends(&mut self, client: &Client, sizes: &[usize]) {
        for &size in sizes {
            assert_eq!(self.driver.send(client.session, size), Admission::Accept);
        }
    }

    pub(crate) fn takes(&mut self, client: &Client, count: usize) {
        for _ in 0..count {
            assert!(self.driver.take(client.session).is_some(), "nothing to take");
        }
    }

    /// Sessions, attached ones, connections.
    pub(crate) fn figures(&self) -> (usize, usize, usize) {
        let stats = self.driver.hub.stats();
        (stats.sessions, stats.attached, stats.connections)
    }
}

// What was told

/// The session that began on a connection.
pub(crate) fn began(told: &[News<usize>], link: Link) -> Option<Client> {
    let welcome = welcome(told, link)?;
    told.iter().find_map(|news| match news {
        News::Began { session, link: of, .. } if *of == link => Some(Client {
            link,
            session: *session,
            welcome: welcome.clone(),
        }),
        _ => None,
    })
}

pub(crate) fn welcome(told: &[News<usize>], link: Link) -> Option<Welcome> {
    told.iter().find_map(|news| match news {
        News::Frame(to, bytes) if *to == link => match FromServer::decode(bytes) {
            Ok(FromServer::Welcome(welcome)) => Some(welcome),
            _ => None,
        },
        _ => None,
    })
}

pub(crate) fn controls(told: &[News<usize>], link: Link) -> Vec<Control> {
    let control = |news: &News<usize>| match news {
        News::Frame(to, bytes) if *to == link => match FromServer::decode(bytes) {
            Ok(FromServer::Control(control)) => Some(control),
            _ => None,
        },
        _ => None,
    };
    told.iter().filter_map(control).collect()
}

/// Frames of messages: the position of the first of each, and how many there are.
pub(crate) fn batches(told: &[News<usize>], link: Link) -> Vec<(u64, usize)> {
    let batch = |news: &News<usize>| match news {
        News::Messages {
            link: to,
            first,
            messages,
            ..
        } if *to == link => Some((*first, messages.len())),
        _ => None,
    };
    told.iter().filter_map(batch).collect()
}

pub(crate) fn closes(told: &[News<usize>]) -> Vec<(Link, u16, &str)> {
    told.iter()
        .filter_map(|news| match news {
            News::Closed(link, code, reason) => Some((*link, *code, reason.as_str())),
            _ => None,
        })
        .collect()
}

/// Sessions that ended: code, reason, and how many messages were left.
pub(crate) fn ends(told: &[News<usize>]) -> Vec<(SessionId, u16, &str, usize)> {
    told.iter()
        .filter_map(|news| match news {
            News::Ended {
                session,
                code,
                reason,
                left,
            } => Some((*session, *code, reason.as_str(), left.len())),
            _ => None,
        })
        .collect()
}

/// Whether anything goes out on a connection.
pub(crate) fn says_anything(told: &[News<usize>], link: Link) -> bool {
    told.iter().any(|news| match news {
        News::Frame(to, _) | News::Messages { link: to, .. } => *to == link,
        _ => false,
    })
}

//! Drives a hub as `server/hub.js` of the npm package does: has the payloads and carries out what comes out. After all that
//! comes of something it holds what the hub says of itself against what is there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tautline::hub::{Entrance, Hub, Output, Peer, Rules, SessionId, TOKEN_BYTES};
use tautline::proto::{Admission, Load};
use tautline::session::{Fault, Link, Part};

/// What a hub adds to the size of each message.
const MESSAGE_COST: usize = 32;

/// A message, or what stands for one.
pub(crate) trait Payload: Clone {
    fn of(part: Part<'_>) -> Self;
    fn size(&self) -> usize;
}

impl Payload for usize {
    fn of(part: Part<'_>) -> Self {
        part.bytes.len()
    }

    fn size(&self) -> usize {
        *self
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News<P> {
    Choose(Link, Vec<String>),
    Began {
        session: SessionId,
        link: Link,
        protocol: String,
    },
    Frame(Link, Vec<u8>),
    Messages {
        link: Link,
        session: SessionId,
        first: u64,
        messages: Vec<P>,
    },
    Delivered(SessionId, usize),
    Released(SessionId, Vec<P>),
    Closed(Link, u16, String),
    Detached(SessionId),
    Resumed(SessionId),
    Ended {
        session: SessionId,
        code: u16,
        reason: String,
        left: Vec<P>,
    },
}

pub(crate) struct Driver<P> {
    pub(crate) hub: Hub,
    /// Arrived, and nobody said yet what becomes of it.
    arrived: VecDeque<P>,
    pub(crate) links: BTreeSet<Link>,
    pub(crate) sessions: BTreeMap<SessionId, Kept<P>>,
    pub(crate) awaits_turn: bool,
    /// Names of sessions: none comes twice.
    names: BTreeSet<String>,
}

/// What the application has of a session.
#[derive(Debug)]
pub(crate) struct Kept<P> {
    pub(crate) inbox: VecDeque<P>,
    pub(crate) outbox: VecDeque<P>,
    /// Bytes that wait for room in the outbox.
    waiting: u64,
    is_attached: bool,
}

impl<P> Default for Kept<P> {
    fn default() -> Self {
        Self {
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            waiting: 0,
            is_attached: true,
        }
    }
}

impl<P: Payload> Driver<P> {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            hub: Hub::new(rules),
            arrived: VecDeque::new(),
            links: BTreeSet::new(),
            sessions: BTreeMap::new(),
            awaits_turn: false,
            names: BTreeSet::new(),
        }
    }

    // What happens

    pub(crate) fn connect(&mut self, peer: Peer, entrance: Entrance) -> Link {
        let link = self.hub.connect(peer, entrance);
        assert!(self.links.insert(link), "a number comes twice");
        link
    }

    /// A binary frame arrives. `random` is for a token, should it come to that.
    pub(crate) fn binary(&mut self, link: Link, frame: &[u8], random: [u8; TOKEN_BYTES]) {
        if self.hub.awaits_hello(link) {
            return self.hub.hello(link, frame, random);
        }
        let Some(batch) = self.hub.frame(link, frame) else {
            return;
        };
        if batch.parts().nth(self.hub.most_messages()).is_some() {
            return self.hub.fail(link, Fault::PastLimit);
        }
        let messages: Vec<P> = batch.parts().map(P::of).collect();
        self.batch(link, batch.first, messages);
    }

    /// The messages of a frame arrive.
    pub(crate) fn batch(&mut self, link: Link, first: u64, messages: Vec<P>) {
        let sizes: Vec<_> = messages.iter().map(P::size).collect();
        self.arrived.extend(messages);
        self.hub.batch(link, first, &sizes);
    }

    pub(crate) fn closed(&mut self, link: Link, code: u16, reason: &str) {
        self.links.remove(&link);
        self.hub.closed(link, code, reason);
    }

    pub(crate) fn send(&mut self, session: SessionId, message: P) -> Admission {
        let admission = self.hub.send(session, message.size());
        if admission == Admission::Accept {
            let kept = self.sessions.get_mut(&session);
            kept.expect("a session that accepts is there").outbox.push_back(message);
        }
        admission
    }

    /// So much waits for room in the outbox.
    pub(crate) fn waiting(&mut self, session: SessionId, bytes: u64) {
        if let Some(kept) = self.sessions.get_mut(&session) {
            kept.waiting = bytes;
        }
        self.hub.waiting(session, bytes);
    }

    /// The application takes the oldest message.
    pub(crate) fn take(&mut self, session: SessionId) -> Option<P> {
        let message = self.sessions.get_mut(&session)?.inbox.pop_front()?;
        self.hub.take(session, 1);
        Some(message)
    }

    pub(crate) fn turn_ended(&mut self) {
        self.awaits_turn = false;
        self.hub.turn_ended();
    }

    // What comes of it

    /// All that is to be done now, done.
    pub(crate) fn run(&mut self) -> Vec<News<P>> {
        let news = std::iter::from_fn(|| self.next()).collect();
        self.check();
        news
    }

    /// The next thing to do, done.
    pub(crate) fn next(&mut self) -> Option<News<P>> {
        loop {
            let output = self.hub.poll()?;
            if let Some(news) = self.carry_out(output) {
                return Some(news);
            }
        }
    }

    fn carry_out(&mut self, output: Output) -> Option<News<P>> {
        Some(match output {
            Output::Choose { link, protocols } => News::Choose(link, protocols),
            Output::Begin {
                session,
                link,
                name,
                protocol,
            } => {
                assert!(
                    self.sessions.insert(session, Kept::default()).is_none(),
                    "{session} begins twice"
                );
                assert!(self.names.insert(name), "a name comes twice");
                News::Began {
                    session,
                    link,
                    protocol,
                }
            }
            Output::Frame { link, bytes } => {
                assert!(self.links.contains(&link), "a frame for {link}, which is gone");
                News::Frame(link, bytes)
            }
            Output::Messages { link, session, chunk } => {
                assert!(self.links.contains(&link), "messages for {link}, which is gone");
                let outbox = &self.sessions[&session].outbox;
                News::Messages {
                    link,
                    session,
                    first: chunk.first,
                    messages: outbox
                        .range(chunk.offset..chunk.offset + chunk.count)
                        .cloned()
                        .collect(),
                }
            }
            Output::Deliver { session, count } => {
                let kept = self.sessions.get_mut(&session).expect("a session that is there");
                kept.inbox.extend(self.arrived.drain(..count));
                News::Delivered(session, count)
            }
            Output::Discard(count) => {
                self.arrived.drain(..count);
                return None;
            }
            Output::Release { session, count } => {
                let kept = self.sessions.get_mut(&session).expect("a session that is there");
                News::Released(session, kept.outbox.drain(..count).collect())
            }
            Output::Close { link, code, reason } => {
                self.links.remove(&link);
                News::Closed(link, code, reason.into())
            }
            Output::Detached(session) => {
                self.attached(session, false);
                News::Detached(session)
            }
            Output::Resumed(session) => {
                self.attached(session, true);
                News::Resumed(session)
            }
            Output::Ended { session, code, reason } => {
                let kept = self.sessions.remove(&session).expect("a session that is there");
                News::Ended {
                    session,
                    code,
                    reason,
                    left: kept.outbox.into(),
                }
            }
            Output::AwaitTurn => {
                assert!(!self.awaits_turn, "one turn is awaited once");
                self.awaits_turn = true;
                return None;
            }
        })
    }

    fn attached(&mut self, session: SessionId, is_attached: bool) {
        let kept = self.sessions.get_mut(&session).expect("a session that is there");
        kept.is_attached = is_attached;
    }

    /// Whether the hub's figures are those of what is there.
    pub(crate) fn check(&self) {
        let (mut attached, mut held, mut detached) = (0, 0, 0);
        for (&session, kept) in &self.sessions {
            let (inbox, outbox) = (load(&kept.inbox), load(&kept.outbox));
            assert_eq!(
                (self.hub.inbox(session), self.hub.outbox(session)),
                (inbox, outbox),
                "{session}"
            );
            let cost = inbox.bytes + outbox.bytes + MESSAGE_COST * (inbox.messages + outbox.messages);
            let cost = cost as u64 + kept.waiting;
            held += cost;
            attached += usize::from(kept.is_attached);
            detached += if kept.is_attached { 0 } else { cost };
        }
        let stats = self.hub.stats();
        assert_eq!(
            (stats.sessions, stats.attached, stats.connections),
            (self.sessions.len(), attached, self.links.len()),
        );
        assert_eq!((stats.held_bytes, stats.detached_bytes), (held, detached));
        assert!(self.arrived.is_empty(), "messages are neither delivered nor discarded");
    }
}

fn load<P: Payload>(queue: &VecDeque<P>) -> Load {
    Load {
        messages: queue.len(),
        bytes: queue.iter().map(P::size).sum(),
    }
}

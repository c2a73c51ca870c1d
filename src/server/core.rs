//! One session in this process: the state machine, the payloads, and who waits for what. Connections and the application's
//! handles share it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::string::String;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::vec::Vec;

use tokio::runtime::Handle;
use tokio::sync::{Notify, broadcast, oneshot};

use super::commit::{self, Books};
use super::event::{Ended, Event};
use super::message::Peer;
use super::registry::{Place, Registry};
use super::store::Stored;
use super::token::Key;
use crate::codec::Payload;
use crate::proto::{Admission, Time};
use crate::session::frame::{Control, Hello, Welcome};
use crate::session::{self, Kind, Link, Output, Part, Record, Refusal, Server};

/// What a message costs beside its bytes, roughly.
const MESSAGE_BYTES: usize = 32;
/// An application that sends a message, has more to take, and sends the next within this time is in the middle of a turn: that
/// one waits for the turn's end, for as long as this at most.
const TURN: Duration = Duration::from_millis(1);
/// How many events wait for a slow reader.
const EVENTS: usize = 64;

/// How a connection is to be closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Goodbye {
    pub(super) code: u16,
    pub(super) reason: Cow<'static, str>,
}

impl Goodbye {
    pub(super) fn new(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }
}

/// What becomes of a session that has ended, in the store and for the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Whoever comes back with the token is told that it has ended.
    Remember,
    /// Whoever comes back with the token gets a new session.
    Forget,
    /// It goes on elsewhere: what the store has of it is not this process's any more.
    Moved,
    /// The store does not have it: nobody has.
    Gone,
}

pub(super) struct Core {
    pub(super) key: Key,
    pub(super) peer: Peer,
    pub(super) protocol: String,
    /// It was another process's, or an earlier one's, before it was this one's.
    pub(super) restored: bool,
    pub(super) registry: Arc<Registry>,
    pub(super) runtime: Handle,
    /// Whoever asks the store about this session holds it: one step after the other.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    state: Mutex<State>,
    /// Messages arrived, or the session ended.
    pub(super) readable: Notify,
    /// The outbox has shrunk, or the session ended.
    pub(super) writable: Notify,
    /// The session ended.
    over: Notify,
}

pub(super) struct State {
    pub(super) server: Server,
    /// What arrived and is not taken.
    pub(super) held: VecDeque<Payload>,
    /// What is taken as far as the store knows, and not yet given to the application.
    pub(super) taken: VecDeque<Payload>,
    /// What is not taken by the client's application.
    pub(super) outbox: VecDeque<Arc<Payload>>,
    /// How many messages were ever in the outbox.
    accepted: u64,
    pub(super) books: Books,
    /// The connection that carries it, or whoever waits in place of one. And until when, as far as it knows.
    pub(super) driver: Arc<Notify>,
    pub(super) armed: Option<Time>,
    /// When the application sent its last message; and until when what it sends waits for more.
    pushed: Time,
    pub(super) corked: Option<Time>,
    closers: Vec<(Link, oneshot::Sender<Goodbye>)>,
    events: Option<broadcast::Sender<Event>>,
    fate: Option<Fate>,
    /// It has ended; the store may not know yet.
    ending: Option<(u16, String)>,
    /// It has ended, and the application may know.
    end: Option<Arc<Ended>>,
    /// The application has its handle.
    is_adopted: bool,
    place: Option<Place>,
    held_bytes: usize,
    detached_bytes: usize,
}

impl Core {
    /// A new session, with the WELCOME but for its token.
    pub(super) fn create(
        registry: &Arc<Registry>,
        key: Key,
        peer: Peer,
        place: Place,
        hello: &Hello,
        protocol: String,
    ) -> (Self, Link, Welcome) {
        let link = registry.next_link();
        let settings = registry.rules.settings;
        let (server, welcome) = Server::new(settings, hello, protocol.clone(), link, registry.now());
        let state = State::new(server, place, VecDeque::new(), None);
        (Self::new(registry, key, peer, protocol, false, state), link, welcome)
    }

    /// A session as a store has it, without a connection.
    pub(super) fn restore(registry: &Arc<Registry>, key: Key, peer: Peer, place: Place, stored: Stored) -> Self {
        let Stored {
            protocol,
            record,
            payloads,
            ..
        } = stored;
        let sizes = payloads.iter().map(|payload| payload.len());
        let settings = registry.rules.settings;
        let server = Server::restore(settings, &record, sizes, protocol.clone(), registry.now());
        let state = State::new(server, place, payloads.into(), Some(record));
        Self::new(registry, key, peer, protocol, true, state)
    }

    fn new(registry: &Arc<Registry>, key: Key, peer: Peer, protocol: String, restored: bool, state: State) -> Self {
        Self {
            key,
            peer,
            protocol,
            restored,
            registry: registry.clone(),
            runtime: Handle::current(),
            turn: Arc::default(),
            state: Mutex::new(state),
            readable: Notify::new(),
            writable: Notify::new(),
            over: Notify::new(),
        }
    }

    // What happens to it

    /// What has to be stored of it, as it is.
    pub(super) fn stored(&self) -> Stored {
        Stored {
            identity: self.peer.identity(),
            protocol: self.protocol.clone(),
            record: self.state().server.record(),
            payloads: Vec::new(),
        }
    }

    pub(super) fn resume(self: &Arc<Self>, hello: &Hello, link: Link) -> Result<Welcome, Refusal> {
        let mut state = self.state();
        let welcome = state.server.resume(hello, link, self.registry.now());
        self.settle(&mut state);
        welcome
    }

    /// A connection has taken the session up: how it hears of work, and of its end.
    pub(super) fn attach(self: &Arc<Self>, link: Link) -> (Arc<Notify>, oneshot::Receiver<Goodbye>) {
        let (closer, closed) = oneshot::channel();
        let driver = Arc::<Notify>::default();
        let mut state = self.state();
        if state.server.link() == Some(link) {
            // Whoever waited in its place is done.
            std::mem::replace(&mut state.driver, driver.clone()).notify_one();
            state.closers.push((link, closer));
        } else {
            let _ = closer.send(Goodbye::new(4409, "superseded by a newer connection"));
        }
        (driver, closed)
    }

    pub(super) fn detach(self: &Arc<Self>, link: Link) {
        let mut state = self.state();
        state.closers.retain(|(other, _)| *other != link);
        state.server.detach(link, self.registry.now());
        self.settle(&mut state);
        drop(state);
        self.registry.shed();
    }

    /// Messages arrived on a connection.
    pub(super) fn batch<'a>(self: &Arc<Self>, link: Link, first: u64, parts: impl Iterator<Item = Part<'a>> + Clone) {
        let sizes: Vec<usize> = parts.clone().map(|part| part.bytes.len()).collect();
        let mut parts = parts;
        let mut state = self.state();
        state.server.batch(link, first, &sizes, self.registry.now());
        while let Some(output) = state.server.poll() {
            match output {
                Output::Discard(count) => {
                    if count > 0 {
                        parts.nth(count - 1);
                    }
                }
                Output::Deliver(count) => {
                    state.held.extend(parts.by_ref().take(count).map(payload));
                    self.readable.notify_waiters();
                }
                other => self.carry_out(&mut state, other),
            }
        }
        self.settle(&mut state);
    }

    /// A control frame arrived on a connection.
    pub(super) fn control(self: &Arc<Self>, link: Link, control: Control) {
        let mut state = self.state();
        if matches!(control, Control::Bye(_)) && state.server.link() == Some(link) {
            state.fate = Some(Fate::Remember);
        }
        state.server.control(link, control, self.registry.now());
        self.settle(&mut state);
    }

    /// Changes the state machine and does what comes of it.
    pub(super) fn change<T>(self: &Arc<Self>, change: impl FnOnce(&mut Server, Time) -> T) -> T {
        let mut state = self.state();
        let result = change(&mut state.server, self.registry.now());
        self.settle(&mut state);
        result
    }

    /// Ends it, if it has not ended before.
    pub(super) fn abandon(self: &Arc<Self>, code: u16, reason: &'static str, fate: Fate) {
        let mut state = self.state();
        if !state.server.is_ended() {
            state.fate = Some(fate);
            state.server.abandon(code, reason);
        }
        self.settle(&mut state);
    }

    // The application

    /// Whether nobody has asked before.
    pub(super) fn adopt(&self) -> bool {
        !std::mem::replace(&mut self.state().is_adopted, true)
    }

    pub(super) fn close(self: &Arc<Self>, code: u16, reason: &str, timeout: Duration) {
        let mut state = self.state();
        state.server.close(code, reason, timeout, self.registry.now());
        self.settle(&mut state);
        state.driver.notify_one();
    }

    /// The application's turn is over: what it sent goes out.
    pub(super) fn uncork(&self, state: &mut State) {
        if state.corked.take().is_some() {
            state.driver.notify_one();
        }
    }

    /// Accepts a message, or gives it back with the reason why not.
    pub(super) fn push(self: &Arc<Self>, payload: Payload) -> Result<(), (Admission, Payload)> {
        let mut state = self.state();
        let admission = state.server.admits(payload.len());
        if admission != Admission::Accept {
            self.uncork(&mut state);
            return Err((admission, payload));
        }
        state.server.send(payload.len());
        state.outbox.push_back(Arc::new(payload));
        state.accepted += 1;
        self.recount(&mut state);
        let now = self.registry.now();
        let is_same_turn = now.since(std::mem::replace(&mut state.pushed, now)) < TURN && !state.held.is_empty();
        if !is_same_turn {
            state.corked = None;
            state.driver.notify_one();
        } else if state.corked.is_none() {
            state.corked = Some(now + TURN);
            state.driver.notify_one();
        }
        let is_detached = state.detached_bytes > 0;
        drop(state);
        if is_detached {
            self.registry.shed();
        }
        Ok(())
    }

    /// How many messages were ever accepted, and how many of them the client's application has taken.
    pub(super) fn progress(&self) -> (u64, u64) {
        let state = self.state();
        (state.accepted, state.books.front())
    }

    /// How it ended, once the application may know.
    pub(super) fn end(&self) -> Option<Arc<Ended>> {
        self.state().end.clone()
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&self) -> Arc<Ended> {
        loop {
            let mut over = std::pin::pin!(self.over.notified());
            over.as_mut().enable();
            if let Some(end) = self.end() {
                return end;
            }
            over.await;
        }
    }

    /// Its events from now on; none where it has ended.
    pub(super) fn subscribe(&self) -> Option<broadcast::Receiver<Event>> {
        let mut state = self.state();
        if state.end.is_some() {
            return None;
        }
        let events = state.events.get_or_insert_with(|| broadcast::Sender::new(EVENTS));
        Some(events.subscribe())
    }

    // What it is

    pub(super) fn attempt(&self) -> u64 {
        self.state().server.record().attempt
    }

    pub(super) fn is_ending(&self) -> bool {
        self.state().ending.is_some()
    }

    pub(super) fn is_attached(&self) -> bool {
        self.state().server.link().is_some()
    }

    pub(super) fn is_unused(&self) -> bool {
        let state = self.state();
        !state.server.is_used() && state.ending.is_none()
    }

    pub(super) fn detached_bytes(&self) -> usize {
        self.state().detached_bytes
    }

    /// Nothing that is done under this lock can panic half-way, so a poisoned one is as good as any.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what comes out of the state machine.
    pub(super) fn settle(self: &Arc<Self>, state: &mut State) {
        while let Some(output) = state.server.poll() {
            self.carry_out(state, output);
        }
        self.recount(state);
    }

    fn carry_out(self: &Arc<Self>, state: &mut State, output: Output) {
        match output {
            // Of no batch that is here.
            Output::Deliver(_) | Output::Discard(_) => {}
            Output::Release(count) => {
                state.books.release(&mut state.outbox, count);
                self.writable.notify_waiters();
            }
            Output::Drop { link, code, reason } => {
                if let Some(place) = state.closers.iter().position(|(other, _)| *other == link) {
                    let (_, closer) = state.closers.swap_remove(place);
                    // It may have gone by itself.
                    let _ = closer.send(Goodbye::new(code, reason));
                }
            }
            Output::Tell(session::Event::Detached) => {
                state.tell(Event::Detached);
                let driver = Arc::<Notify>::default();
                state.driver = driver.clone();
                self.runtime.spawn(commit::linger(self.clone(), driver));
            }
            Output::Tell(session::Event::Resumed) => state.tell(Event::Resumed),
            Output::Tell(session::Event::Ended { code, reason }) => {
                state.ending = Some((code, reason));
                let fate = *state
                    .fate
                    .get_or_insert(if code == 1006 { Fate::Forget } else { Fate::Remember });
                state.driver.notify_one();
                match fate {
                    Fate::Moved | Fate::Gone => self.publish(state),
                    Fate::Remember | Fate::Forget => {
                        self.runtime.spawn(commit::bury(self.clone()));
                    }
                }
            }
        }
    }

    /// Lets the application know that it has ended.
    pub(super) fn publish(&self, state: &mut State) {
        let Some((code, reason)) = state.ending.clone() else {
            return;
        };
        if state.end.is_some() {
            return;
        }
        let outbox = std::mem::take(&mut state.outbox);
        let kept_elsewhere = if state.fate == Some(Fate::Moved) {
            state.held.clear();
            state.books.stored(&outbox)
        } else {
            0
        };
        let unacknowledged = outbox.into_iter().skip(kept_elsewhere).map(Arc::unwrap_or_clone);
        state.end = Some(Arc::new(Ended {
            code,
            reason,
            unacknowledged: unacknowledged.collect(),
        }));
        state.events = None;
        state.place = None;
        self.recount(state);
        self.registry.remove(self);
        self.over.notify_waiters();
        self.readable.notify_waiters();
        self.writable.notify_waiters();
    }

    fn recount(&self, state: &mut State) {
        let (inbox, outbox) = (state.server.inbox(), state.server.outbox());
        let messages = inbox.messages.saturating_add(outbox.messages);
        let bytes = inbox
            .bytes
            .saturating_add(outbox.bytes)
            .saturating_add(messages * MESSAGE_BYTES);
        let held = if state.end.is_some() { 0 } else { bytes };
        let is_detached = state.server.link().is_none() && !state.server.is_ended();
        let detached = if is_detached { held } else { 0 };
        for (counter, counted, now) in [
            (&self.registry.held, &mut state.held_bytes, held),
            (&self.registry.detached, &mut state.detached_bytes, detached),
        ] {
            if now >= *counted {
                counter.fetch_add(now - *counted, Ordering::Relaxed);
            } else {
                counter.fetch_sub(*counted - now, Ordering::Relaxed);
            }
            *counted = now;
        }
    }
}

impl State {
    fn new(server: Server, place: Place, outbox: VecDeque<Arc<Payload>>, record: Option<Record>) -> Self {
        Self {
            accepted: outbox.len() as u64,
            books: Books::new(record.unwrap_or_else(|| server.record()), outbox.len()),
            server,
            held: VecDeque::new(),
            taken: VecDeque::new(),
            outbox,
            driver: Arc::default(),
            armed: None,
            pushed: Time::default(),
            corked: None,
            closers: Vec::new(),
            events: None,
            fate: None,
            ending: None,
            end: None,
            is_adopted: false,
            place: Some(place),
            held_bytes: 0,
            detached_bytes: 0,
        }
    }

    /// How it ended, for whoever asks the store to remember it.
    pub(super) fn ending(&self) -> Option<(u16, String, Fate)> {
        let (code, reason) = self.ending.clone()?;
        Some((code, reason, self.fate.unwrap_or(Fate::Remember)))
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    pub(super) fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// The store says that the session is another's, after all.
    pub(super) fn overrule(&mut self, code: u16, reason: &str, fate: Fate) {
        self.ending = Some((code, reason.into()));
        self.fate = Some(fate);
    }

    /// Wakes the driver if it would sleep for too long.
    pub(super) fn rouse(&self) {
        let due = self.server.deadline();
        if due.is_some_and(|due| self.armed.is_none_or(|armed| due < armed)) {
            self.driver.notify_one();
        }
    }

    fn tell(&self, event: Event) {
        if let Some(events) = &self.events {
            // Nobody may be listening.
            let _ = events.send(event);
        }
    }
}

fn payload(part: Part<'_>) -> Payload {
    match (part.kind, str::from_utf8(part.bytes)) {
        (Kind::Text, Ok(text)) => Payload::Text(text.into()),
        // Text was checked when the frame was read.
        _ => Payload::Bytes(part.bytes.into()),
    }
}

//! One session in this process: the state machine, the payloads, and who waits for what. Connections and the application's
//! handles share it.

use std::string::String;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::vec::{IntoIter, Vec};

use tokio::runtime::Handle;
use tokio::sync::{Notify, broadcast, oneshot};

use super::commit::Books;
use super::event::{Ended, Event};
use super::held::Run;
use super::outbox::Outbox;
use super::registry::{Place, Registry};
use super::state::{Fate, State};
use super::store::Stored;
use super::welcome::Attached;
use crate::codec::Payload;
use crate::hub::{Key, Peer};
use crate::proto::{Admission, Time};
use crate::session::frame::{Control, Hello, Welcome};
use crate::session::{Link, Output, Refusal, Server};

/// An application that sends a message, has more to take, and sends the next within this time is in the middle of a turn: that
/// one waits for the turn's end, for as long as this at most.
const TURN: Duration = Duration::from_millis(1);
/// How many events wait for a slow reader.
const EVENTS: usize = 64;

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
    pub(super) over: Notify,
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
        let books = Books::new(server.record(), 0, registry.is_alone);
        let state = State::new(server, place, Outbox::new(Vec::new(), !registry.is_alone), books);
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
        let books = Books::new(record, payloads.len(), registry.is_alone);
        let state = State::new(server, place, Outbox::new(payloads, !registry.is_alone), books);
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

    /// Whether it has ended before a HELLO that has claimed it in the store. Whoever has the store bury it needs that attempt.
    pub(super) fn claimed_too_late(&self, attempt: u64) -> bool {
        let mut state = self.state();
        if state.is_ending() {
            state.server.claimed(attempt);
        }
        state.is_ending()
    }

    /// The session goes on, on a connection: see [`attach`](Self::attach).
    pub(super) fn resume(self: &Arc<Self>, hello: &Hello, link: Link) -> Result<(Attached, Welcome), Refusal> {
        let mut state = self.state();
        let welcome = state.server.resume(hello, link, self.registry.now());
        let attached = welcome.map(|welcome| (self.attached(&mut state, link), welcome));
        self.settle(&mut state);
        attached
    }

    /// A connection has taken the session up: how it hears of work, and of its end.
    pub(super) fn attach(self: &Arc<Self>, link: Link) -> Attached {
        self.attached(&mut self.state(), link)
    }

    fn attached(self: &Arc<Self>, state: &mut State, link: Link) -> Attached {
        let (closer, closed) = oneshot::channel();
        let driver = Arc::<Notify>::default();
        // Whoever waited in its place is done.
        std::mem::replace(&mut state.driver, driver.clone()).notify_one();
        state.closers.push((link, closer));
        Attached {
            core: self.clone(),
            link,
            driver,
            closed,
        }
    }

    pub(super) fn detach(self: &Arc<Self>, link: Link) {
        let mut state = self.state();
        state.closers.retain(|(other, _)| *other != link);
        state.server.detach(link, self.registry.now());
        state.trim();
        self.settle(&mut state);
        drop(state);
        self.registry.shed();
    }

    /// Messages arrived on a connection.
    pub(super) fn batch(self: &Arc<Self>, link: Link, first: u64, mut messages: Run) {
        let sizes: Vec<usize> = messages.sizes().collect();
        let mut state = self.state();
        state.server.batch(link, first, &sizes, self.registry.now());
        while let Some(output) = state.server.poll() {
            match output {
                Output::Discard(count) => messages.skip(count),
                Output::Deliver(count) => {
                    let mut messages = messages.split_front(count);
                    messages.trim();
                    state.held.push_back(messages);
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

    /// Where the application has closed it, waits no longer for what is queued. Whether it has.
    pub(super) fn hurry(self: &Arc<Self>) -> bool {
        let mut state = self.state();
        let is_closing = state.server.is_closing();
        if is_closing {
            state.server.hurry(self.registry.now());
            self.settle(&mut state);
            state.driver.notify_one();
        }
        is_closing
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
        match self.admits(&mut state, payload.len()) {
            Admission::Accept => self.accept(&mut state, payload),
            refused => return Err((refused, payload)),
        }
        self.pushed(state);
        Ok(())
    }

    /// Accepts as many of some messages as it can, the first ones, and leaves the rest; with the reason why, and the size of the
    /// first of them.
    pub(super) fn push_many(self: &Arc<Self>, payloads: &mut IntoIter<Payload>) -> Result<(), (Admission, usize)> {
        let mut state = self.state();
        let mut pushed = Ok(());
        while let Some(size) = payloads.as_slice().first().map(Payload::len) {
            match self.admits(&mut state, size) {
                Admission::Accept => payloads.next().map(|payload| self.accept(&mut state, payload)),
                refused => {
                    pushed = Err((refused, size));
                    break;
                }
            };
        }
        self.pushed(state);
        pushed
    }

    fn admits(&self, state: &mut State, size: usize) -> Admission {
        let mut admission = state.server.admits(size);
        // Whoever waits for this has something in the outbox, and is woken when that is taken.
        if admission == Admission::Accept && !state.outbox.is_empty() && self.registry.is_full() {
            admission = Admission::Wait;
        }
        if admission != Admission::Accept {
            self.uncork(state);
        }
        admission
    }

    fn accept(&self, state: &mut State, payload: Payload) {
        state.server.send(payload.len());
        state.outbox.push(payload);
        state.accepted += 1;
        self.recount_roughly(state);
        // What is corked already goes with the rest, without a look at the clock: that costs as much as the message.
        let has_more = state.has_many || !state.held.is_empty();
        if state.corked.is_none() || !has_more {
            let now = self.registry.now();
            let is_same_turn = now.since(std::mem::replace(&mut state.pushed, now)) < TURN && has_more;
            state.corked = is_same_turn.then(|| now + TURN);
            state.driver.notify_one();
        }
    }

    /// What a session without a connection is sent may be more than there is room for.
    fn pushed(&self, state: MutexGuard<'_, State>) {
        let is_detached = state.detached_bytes > 0;
        drop(state);
        if is_detached {
            self.registry.shed();
        }
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

    /// How much it holds without a connection, in bytes, and since when; nothing where it has one.
    pub(super) fn detached(&self) -> Option<(u64, Time)> {
        let state = self.state();
        let since = state.server.detached_since()?;
        (state.detached_bytes > 0).then_some((state.detached_bytes, since))
    }

    pub(super) fn has_moved(&self) -> bool {
        self.state().has_moved()
    }

    /// Nothing that is done under this lock can panic half-way, so a poisoned one is as good as any.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! What a session has in this process beside the state machine: payloads, and who is to hear of what.

use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use tokio::sync::{Notify, broadcast, oneshot};

use super::commit::Books;
use super::event::{Ended, Event};
use super::held::{Held, Run};
use super::outbox::Outbox;
use super::registry::Place;
use crate::hub::goodbye::Goodbye;
use crate::proto::Time;
use crate::session::{Link, Server};

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

pub(super) struct State {
    pub(super) server: Server,
    /// What arrived and is not taken.
    pub(super) held: Held,
    /// The oldest of them, while the store is asked to note that it is taken.
    pub(super) taking: Option<Run>,
    /// What is taken as far as the store knows, and not yet given to the application: the client is not told before.
    pub(super) taken: Held,
    /// What of that the store is asked to have as not taken, after all.
    pub(super) untaken: Held,
    /// The store is being asked something.
    pub(super) is_asked: bool,
    /// What is not taken by the client's application.
    pub(super) outbox: Outbox,
    /// How many messages were ever in the outbox.
    pub(super) accepted: u64,
    pub(super) books: Books,
    /// The connection that carries it, or whoever waits in place of one. And until when, as far as it knows.
    pub(super) driver: Arc<Notify>,
    pub(super) armed: Option<Time>,
    /// When the application sent its last message; and until when what it sends waits for more.
    pub(super) pushed: Time,
    pub(super) corked: Option<Time>,
    /// The application has taken several messages at once, and not asked for more since.
    pub(super) has_many: bool,
    pub(super) closers: Vec<(Link, oneshot::Sender<Goodbye>)>,
    pub(super) events: Option<broadcast::Sender<Event>>,
    pub(super) fate: Option<Fate>,
    /// It has ended; the store may not know yet.
    pub(super) ending: Option<(u16, String)>,
    /// It has ended, and the application may know.
    pub(super) end: Option<Arc<Ended>>,
    /// The application has its handle.
    pub(super) is_adopted: bool,
    pub(super) place: Option<Place>,
    pub(super) held_bytes: u64,
    pub(super) detached_bytes: u64,
}

impl State {
    pub(super) fn new(server: Server, place: Place, outbox: Outbox, books: Books) -> Self {
        Self {
            accepted: outbox.len() as u64,
            books,
            server,
            held: Held::default(),
            taking: None,
            taken: Held::default(),
            untaken: Held::default(),
            is_asked: false,
            outbox,
            driver: Arc::default(),
            armed: None,
            pushed: Time::default(),
            corked: None,
            has_many: false,
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

    /// What of it is not given to the application comes again, elsewhere.
    pub(super) fn has_moved(&self) -> bool {
        self.is_over() && self.fate == Some(Fate::Moved)
    }

    /// The store says that the session is another's, after all.
    pub(super) fn overrule(&mut self, code: u16, reason: &str, fate: Fate) {
        self.ending = Some((code, reason.into()));
        self.fate = Some(fate);
    }

    /// What may stay for long, as the client is not there, is to take no more room than is counted.
    pub(super) fn trim(&mut self) {
        if self.server.link().is_none() {
            self.held.trim();
            self.taken.trim();
            self.outbox.trim();
        }
    }

    /// Wakes the driver if it would sleep for too long; once, as it then looks for itself.
    pub(super) fn rouse(&mut self) {
        if self.armed == Some(Time::default()) {
            // It can't be any sooner.
            return;
        }
        let due = self.server.deadline();
        if due.is_some_and(|due| self.armed.is_none_or(|armed| due < armed)) {
            self.armed = due;
            self.driver.notify_one();
        }
    }

    pub(super) fn tell(&self, event: Event) {
        if let Some(events) = &self.events {
            // Nobody may be listening.
            let _ = events.send(event);
        }
    }
}

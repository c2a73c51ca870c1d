//! What a session owes its store: nothing leaves, and nothing is given to the application, before it is written down there.

use std::boxed::Box;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::vec::Vec;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::core::Core;
use super::outbox::Outbox;
use super::registry::STORE_PATIENCE;
use super::state::{Fate, State};
use super::store::{Commit, StoreError, Tombstone, Verdict};
use crate::hub::goodbye::GOING_AWAY;
use crate::session::{Record, Server, span};

/// How long to wait before a store that failed is asked again.
pub(super) const STORE_PAUSE: Duration = Duration::from_secs(1);

/// What the store has of a session. Messages of the outbox are counted from the first that was ever in it.
pub(super) struct Books {
    record: Record,
    /// The oldest message of the outbox.
    front: u64,
    /// The oldest that the store has, and the one after its youngest.
    stored_front: u64,
    stored_end: u64,
    /// The one after the youngest that it is being given.
    asked_end: u64,
    /// Nobody reads them as long as this process has the session: see `Registry::is_alone`.
    is_unread: bool,
}

/// Why a commit is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Something may have changed.
    Changes,
    /// The application wants the oldest message.
    Take,
    /// The store is to keep the session on.
    Alive,
    /// The session leaves this process: what the application was not given is not taken.
    Leave,
}

/// A commit that is being asked for, and what the books are to say when it is done.
struct Entry {
    commit: Commit,
    front: u64,
    end: u64,
}

impl Books {
    /// The store has this record, and so many payloads.
    pub(super) const fn new(record: Record, payloads: usize, is_unread: bool) -> Self {
        Self {
            record,
            front: 0,
            stored_front: 0,
            stored_end: payloads as u64,
            asked_end: payloads as u64,
            is_unread,
        }
    }

    pub(super) fn release(&mut self, outbox: &mut Outbox, count: usize) {
        let count = count.min(outbox.len());
        outbox.release(count);
        self.front += count as u64;
    }

    pub(super) const fn front(&self) -> u64 {
        self.front
    }

    fn end(&self, outbox: &Outbox) -> u64 {
        self.front + outbox.len() as u64
    }

    /// How many of the outbox the store has.
    fn stored(&self, outbox: &Outbox) -> usize {
        self.up_to(self.stored_end, outbox)
    }

    /// How many of the outbox it has, or will have when it has done what it is being asked.
    pub(super) fn entrusted(&self, outbox: &Outbox) -> usize {
        self.up_to(self.stored_end.max(self.asked_end), outbox)
    }

    fn up_to(&self, end: u64, outbox: &Outbox) -> usize {
        usize::try_from(end.saturating_sub(self.front)).map_or(outbox.len(), |count| count.min(outbox.len()))
    }
}

impl State {
    /// What the store is to have. What it knows to be taken stays taken, though the application is not given it yet.
    fn record(&self) -> Record {
        let mut record = self.server.record();
        record.taken += self.taken.sizes().map(span).sum::<u64>();
        record
    }

    /// Whether the store has to hear something.
    fn owes(&self, why: Why) -> bool {
        let books = &self.books;
        let differs = || {
            self.record() != books.record
                || books.front != books.stored_front
                || books.end(&self.outbox) != books.stored_end
        };
        let is_due = match why {
            Why::Changes => !books.is_unread && differs(),
            // There is nobody to leave it to.
            Why::Leave => !books.is_unread,
            Why::Take | Why::Alive => true,
        };
        is_due && !self.is_ending()
    }

    /// The commit that is due, if one is.
    fn prepare(&mut self, why: Why, lifetime: Duration) -> Option<Entry> {
        if !self.owes(why) {
            return None;
        }
        if why == Why::Leave {
            self.untaken = std::mem::take(&mut self.taken);
        }
        let mut record = self.record();
        if why == Why::Take && self.taken.is_empty() {
            let oldest = self.held.pop_front(1)?;
            record.taken += oldest.sizes().map(span).sum::<u64>();
            self.taking = Some(oldest);
        }
        let books = &mut self.books;
        let (front, end, appended) = if books.is_unread {
            // It is kept alive, and is given nothing.
            (books.stored_front, books.stored_end, Vec::new())
        } else {
            let (front, end, stored) = (books.front, books.end(&self.outbox), books.stored(&self.outbox));
            (front, end, self.outbox.share(stored))
        };
        let released = front.min(books.stored_end) - books.stored_front;
        let commit = Commit {
            record,
            released: usize::try_from(released).unwrap_or(usize::MAX),
            appended,
            lifetime,
        };
        books.asked_end = end;
        self.is_asked = true;
        Some(Entry { commit, front, end })
    }
}

impl Core {
    /// Whether the store has to hear something.
    pub(super) fn owes(&self, why: Why) -> bool {
        self.state().owes(why)
    }

    /// Brings the store up to date, and takes the oldest message with it if asked to. Whatever becomes of the caller, what
    /// was begun is done whole.
    ///
    /// # Errors
    /// Where the store can't be asked. A session that the store knows to be another's has ended when this returns.
    pub(super) async fn commit(self: &Arc<Self>, why: Why) -> Result<(), StoreError> {
        if !self.owes(why) {
            return Ok(());
        }
        let turn = self.turn.clone().lock_owned().await;
        let core = self.clone();
        let step = async move {
            let result = core.write_down(why).await;
            drop(turn);
            result
        };
        uncancelled(&self.runtime, step).await?
    }

    /// The same for whoever has the session's turn.
    pub(super) async fn write_down(self: &Arc<Self>, why: Why) -> Result<(), StoreError> {
        let entry = self.state().prepare(why, self.registry.lifetime());
        let Some(entry) = entry else {
            return Ok(());
        };
        let record = entry.commit.record;
        let asked = Asked(self);
        let verdict = self.registry.store.commit(self.key, entry.commit).await;
        if let Ok(Verdict::Done) = verdict {
            let mut state = self.state();
            state.books.record = record;
            state.books.stored_front = entry.front;
            state.books.stored_end = entry.end;
            if let Some(oldest) = state.taking.take() {
                state.taken.push_back(oldest);
            }
            state.untaken.clear();
        }
        drop(asked);
        match verdict? {
            Verdict::Done => {}
            Verdict::Superseded => self.abandon(4409, Server::SUPERSEDED, Fate::Moved),
            Verdict::Gone => self.abandon(1006, Server::LOST, Fate::Gone),
        }
        Ok(())
    }

    /// Leaves the session to the store, and to whoever asks for it next; with all of it where the store can be asked.
    ///
    /// Nothing comes between what the store is told and the end here: a message that one of the two has is not the other's.
    async fn leave(self: &Arc<Self>) {
        let _turn = self.turn.lock().await;
        if self.hurry() {
            // It has a goodbye to say first.
            return;
        }
        // What can't be stored is handed back.
        let _ = self.write_down(Why::Leave).await;
        self.abandon(1001, GOING_AWAY, Fate::Moved);
    }

    /// The same, but no longer than a store may be waited for. What it is being asked then, it may do or not.
    pub(super) async fn leave_soon(self: &Arc<Self>) {
        let core = self.clone();
        let leaving = uncancelled(&self.runtime, async move { core.leave().await });
        let _ = timeout(STORE_PATIENCE, leaving).await;
        if !self.hurry() {
            self.abandon(1001, GOING_AWAY, Fate::Moved);
        }
    }
}

/// While the store is being asked. What it did not do is as if it had not been asked.
struct Asked<'a>(&'a Arc<Core>);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let core = self.0;
        let mut state = core.state();
        state.is_asked = false;
        state.books.asked_end = state.books.stored_end;
        let untaken = std::mem::take(&mut state.untaken);
        state.taken.append(untaken);
        if let Some(oldest) = state.taking.take()
            && !state.has_moved()
        {
            state.held.push_front(oldest);
        }
        state.trim();
        drop(state);
        core.readable.notify_waiters();
    }
}

/// Waits in place of a connection: for the next one, for the end of the resume time, and for messages to be stored.
pub(super) async fn linger(core: Arc<Core>, driver: Arc<Notify>) {
    // What the store last heard may be long ago: from now on it keeps the session for longer than the client may stay away.
    let mut failed = core.commit(Why::Alive).await.is_err();
    loop {
        let deadline = {
            let mut state = core.state();
            let is_mine = Arc::ptr_eq(&state.driver, &driver);
            if !is_mine || state.is_ending() || state.server.link().is_some() {
                return;
            }
            state.armed = state.server.deadline();
            state.armed.map(|deadline| core.registry.instant(deadline))
        };
        let retry = failed.then(|| Instant::now() + STORE_PAUSE);
        match deadline.into_iter().chain(retry).min() {
            Some(deadline) => {
                let _ = timeout_at(deadline, driver.notified()).await;
            }
            None => driver.notified().await,
        }
        core.change(|server, now| {
            if server.link().is_none() {
                server.timer(now);
            }
        });
        failed = core.commit(Why::Changes).await.is_err();
    }
}

/// Has the store forget a session that has ended, and then lets everybody know that it has.
pub(super) async fn bury(core: Arc<Core>) {
    let give_up = Instant::now() + core.registry.lifetime();
    loop {
        let turn = core.turn.lock().await;
        let (attempt, ending) = {
            let state = core.state();
            (state.server.record().attempt, state.ending())
        };
        let Some((code, reason, fate)) = ending else {
            return;
        };
        let tombstone = (fate == Fate::Remember).then(|| Tombstone {
            identity: core.peer.identity(),
            code,
            reason,
            lifetime: core.registry.rules.settings.resume,
        });
        let verdict = core.registry.store.end(core.key, attempt, tombstone).await;
        if verdict.is_ok() || Instant::now() >= give_up {
            let mut state = core.state();
            if matches!(verdict, Ok(Verdict::Superseded)) {
                state.overrule(4409, Server::SUPERSEDED, Fate::Moved);
            }
            core.publish(&mut state);
            return;
        }
        drop(turn);
        sleep(STORE_PAUSE).await;
    }
}

/// Runs a future to its end even if the caller loses interest. One that need not wait costs no task.
///
/// # Errors
/// Where the runtime ends first.
pub(super) async fn uncancelled<T: Send + 'static>(
    runtime: &Handle,
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T, StoreError> {
    let mut future: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(future);
    // Whoever runs it from here on polls it once more, with a waker of its own.
    let first = poll_fn(|_| Poll::Ready(future.as_mut().poll(&mut Context::from_waker(Waker::noop())))).await;
    match first {
        Poll::Ready(result) => Ok(result),
        Poll::Pending => runtime.spawn(future).await.map_err(StoreError::new),
    }
}

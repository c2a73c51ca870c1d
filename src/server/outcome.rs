//! What comes out of a session's state machine, done.

use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::sync::Notify;

use super::commit;
use super::core::Core;
use super::event::{Ended, Event};
use super::state::{Fate, State};
use crate::hub::goodbye::{Goodbye, is_remembered};
use crate::hub::holders;
use crate::session::{self, Output};

/// What a session may hold more or less than is counted: so little of what all may hold that 10,000 of them are wrong by 4 % at
/// most.
const ROUGHLY: u64 = 1 << 18;

impl Core {
    /// Does what comes out of the state machine.
    pub(super) fn settle(self: &Arc<Self>, state: &mut State) {
        while let Some(output) = state.server.poll() {
            self.carry_out(state, output);
        }
        self.recount(state);
    }

    pub(super) fn carry_out(self: &Arc<Self>, state: &mut State, output: Output) {
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
                let fate = *state.fate.get_or_insert(if is_remembered(code) {
                    Fate::Remember
                } else {
                    Fate::Forget
                });
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
            state.books.entrusted(&outbox)
        } else {
            0
        };
        state.end = Some(Arc::new(Ended {
            code,
            reason,
            unacknowledged: outbox.into_payloads(kept_elsewhere),
        }));
        state.events = None;
        state.place = None;
        self.recount(state);
        self.registry.remove(self);
        self.over.notify_waiters();
        self.readable.notify_waiters();
        self.writable.notify_waiters();
    }

    /// The same where a message came or went, and its connection is about to count exactly: with the frame that carries it, or the
    /// ACK. All cores count in one place, which costs as much as a small message.
    pub(super) fn recount_roughly(&self, state: &mut State) {
        let bytes = holders::cost(&[state.server.inbox(), state.server.outbox()]);
        if state.server.link().is_none()
            || bytes.abs_diff(state.held_bytes) >= self.registry.rules.max_held_bytes / ROUGHLY
        {
            self.recount(state);
        }
    }

    /// Counts what it holds among all that is held.
    pub(super) fn recount(&self, state: &mut State) {
        let (inbox, outbox) = (state.server.inbox(), state.server.outbox());
        let bytes = holders::cost(&[inbox, outbox]);
        let held = if state.end.is_some() { 0 } else { bytes };
        let is_detached = state.server.link().is_none() && !state.server.is_ended();
        let detached = if is_detached { held } else { 0 };
        for (counter, counted, now) in [
            (&self.registry.held, &mut state.held_bytes, held),
            (&self.registry.detached, &mut state.detached_bytes, detached),
        ] {
            // All sessions count here: one that has nothing to say leaves the number in the other cores' caches.
            match now.cmp(counted) {
                Ordering::Equal => continue,
                Ordering::Greater => counter.fetch_add(now - *counted, Relaxed),
                Ordering::Less => counter.fetch_sub(*counted - now, Relaxed),
            };
            *counted = now;
        }
    }
}

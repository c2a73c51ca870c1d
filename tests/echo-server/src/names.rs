//! Connections that carry a name: what the server remembers of each name, and the way to reach those that are open.
//! `upgrade` and `echo` write, `control` reads and gives orders.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use serde::Serialize;
use tautline::{Payload, server::Sender};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::ending::Ending;

/// How many names are remembered. One more, and the name that came first is forgotten.
const NAMES_MAX: usize = 10_000;
/// How many pushed texts may wait for a connection that is busy.
const PUSHES_MAX: usize = 64;

/// All names that have been seen.
#[derive(Debug, Default)]
pub(crate) struct Names {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    by_name: HashMap<String, Arc<Name>>,
    order: VecDeque<String>,
}

/// One name.
#[derive(Debug, Default)]
pub(crate) struct Name {
    messages: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    attempts: u64,
    refused: u64,
    connections: u64,
    open: HashMap<u64, Reach>,
    offered: Vec<String>,
    last_close: Option<LastClose>,
    refusal: Option<(StatusCode, Instant)>,
    /// How to send in the last durable session that began under the name.
    session: Option<Sender<Payload>>,
}

/// How to reach an open connection.
#[derive(Debug)]
struct Reach {
    orders: mpsc::Sender<Ending>,
    pushes: mpsc::Sender<String>,
}

/// What an open connection hears from `control`.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) orders: Line<Ending>,
    pub(crate) pushes: Line<String>,
}

/// A way to a connection, where it has a name: to all others nothing ever comes.
#[derive(Debug)]
pub(crate) struct Line<T>(Option<mpsc::Receiver<T>>);

impl<T> Line<T> {
    /// The next thing that comes.
    pub(crate) async fn recv(&mut self) -> Option<T> {
        match &mut self.0 {
            Some(receiver) => receiver.recv().await,
            None => std::future::pending().await,
        }
    }
}

/// How the last connection that a client ended was ended.
#[derive(Clone, Debug, Serialize)]
struct LastClose {
    code: u16,
    reason: String,
    clean: bool,
}

/// What `GET /faults/NAME` answers.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    name: String,
    attempts: u64,
    refused: u64,
    connections: u64,
    open: usize,
    messages: u64,
    offered: Vec<String>,
    last_close: Option<LastClose>,
}

impl Names {
    /// The name, if it has been seen.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Name>> {
        lock(&self.table).by_name.get(name).cloned()
    }

    /// The name, from now on remembered.
    pub(crate) fn remember(&self, name: &str) -> Arc<Name> {
        let mut table = lock(&self.table);
        if let Some(known) = table.by_name.get(name) {
            return known.clone();
        }
        if table.order.len() >= NAMES_MAX
            && let Some(oldest) = table.order.pop_front()
        {
            table.by_name.remove(&oldest);
        }
        let new = Arc::<Name>::default();
        table.by_name.insert(name.into(), new.clone());
        table.order.push_back(name.into());
        new
    }

    pub(crate) fn report(&self, name: &str) -> Report {
        let mut report = self.find(name).map(|known| known.report()).unwrap_or_default();
        report.name = name.into();
        report
    }
}

impl Name {
    /// Counts an attempt to connect, and notes the subprotocols it offers. Returns its number: 1 for the first.
    pub(crate) fn attempt(&self, offered: &[&str]) -> u64 {
        let mut state = lock(&self.state);
        state.offered = offered.iter().map(|&protocol| protocol.into()).collect();
        state.attempts += 1;
        state.attempts
    }

    /// The status that attempts are to be refused with, while such an order holds.
    pub(crate) fn refusal(&self) -> Option<StatusCode> {
        let state = lock(&self.state);
        state
            .refusal
            .filter(|(_, until)| Instant::now() < *until)
            .map(|(status, _)| status)
    }

    /// Counts an attempt that was refused.
    pub(crate) fn refused(&self) {
        lock(&self.state).refused += 1;
    }

    /// Refuses attempts for a while. Open connections are left alone.
    pub(crate) fn refuse(&self, status: StatusCode, duration: Duration) {
        lock(&self.state).refusal = Some((status, Instant::now() + duration));
    }

    /// Orders every open connection to end. Returns how many heard it; one that was already told to does not.
    pub(crate) fn end(&self, ending: &Ending) -> usize {
        lock(&self.state)
            .open
            .values()
            .filter(|reach| reach.orders.try_send(ending.clone()).is_ok())
            .count()
    }

    /// Has every open connection send a text message. Returns how many took it.
    pub(crate) fn push(&self, text: &str) -> usize {
        lock(&self.state)
            .open
            .values()
            .filter(|reach| reach.pushes.try_send(text.into()).is_ok())
            .count()
    }

    /// Notes a durable session that began under the name.
    pub(crate) fn began(&self, session: Sender<Payload>) {
        lock(&self.state).session = Some(session);
    }

    /// Counts a message that an application took.
    pub(crate) fn message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    fn report(&self) -> Report {
        let state = lock(&self.state);
        Report {
            name: String::new(),
            attempts: state.attempts,
            refused: state.refused,
            connections: state.connections,
            open: state.open.len(),
            messages: self.messages.load(Ordering::Relaxed),
            offered: state.offered.clone(),
            last_close: state.last_close.clone(),
        }
    }
}

/// An open connection's place under its name, if it has one. It ends when dropped.
#[derive(Debug)]
pub(crate) struct Membership {
    place: Option<(Arc<Name>, u64)>,
}

impl Membership {
    pub(crate) fn new(name: Option<Arc<Name>>) -> (Self, Inbox) {
        let Some(name) = name else {
            let inbox = Inbox {
                orders: Line(None),
                pushes: Line(None),
            };
            return (Self { place: None }, inbox);
        };
        let (orders, orders_inbox) = mpsc::channel(1);
        let (pushes, pushes_inbox) = mpsc::channel(PUSHES_MAX);
        let reach = Reach { orders, pushes };
        let inbox = Inbox {
            orders: Line(Some(orders_inbox)),
            pushes: Line(Some(pushes_inbox)),
        };
        let mut state = lock(&name.state);
        state.connections += 1;
        let id = state.connections;
        state.open.insert(id, reach);
        drop(state);
        (
            Self {
                place: Some((name, id)),
            },
            inbox,
        )
    }

    /// Counts a message from the client.
    pub(crate) fn message(&self) {
        if let Some((name, _)) = &self.place {
            name.message();
        }
    }

    /// The connection's name.
    pub(crate) fn name(&self) -> Option<&Arc<Name>> {
        self.place.as_ref().map(|(name, _)| name)
    }

    /// How to send in the durable session of the connection's name.
    pub(crate) fn session(&self) -> Option<Sender<Payload>> {
        self.name().and_then(|name| lock(&name.state).session.clone())
    }

    /// Notes the close frame that came from the client.
    pub(crate) fn closed(&self, frame: Option<&CloseFrame>) {
        // 1005 is what a close frame without a code is called.
        let (code, reason) = frame.map_or((1005, ""), |frame| (frame.code.into(), frame.reason.as_str()));
        self.note(LastClose {
            code,
            reason: reason.into(),
            clean: true,
        });
    }

    /// Notes that the client went without a close frame.
    pub(crate) fn lost(&self) {
        self.note(LastClose {
            code: 1006,
            reason: String::new(),
            clean: false,
        });
    }

    fn note(&self, close: LastClose) {
        if let Some((name, _)) = &self.place {
            lock(&name.state).last_close = Some(close);
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        if let Some((name, id)) = &self.place {
            lock(&name.state).open.remove(id);
        }
    }
}

/// Nothing that is done under these locks can panic half-way, so a poisoned one is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_name_is_forgotten() {
        let names = Names::default();
        for n in 0..NAMES_MAX {
            names.remember(&n.to_string());
        }
        names.remember("0");
        assert!(names.find("0").is_some());
        names.remember("one more");
        assert!(names.find("0").is_none());
        assert!(names.find("1").is_some());
        assert!(names.find("one more").is_some());
    }
}

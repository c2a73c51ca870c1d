//! All sessions of this process: found by their key, counted, and kept within bounds.

use std::boxed::Box;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::vec::Vec;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::core::Core;
use super::state::Fate;
use super::store::AnyStore;
use crate::hub::goodbye::{FULL, MADE_ROOM, NO_ROOM};
use crate::hub::holders::{self, Detached};
use crate::hub::places::{self, Full, Places, Unused};
use crate::hub::{Key, Peer, Rules};
use crate::proto::Time;

/// HELLOs with the same token wait for each other; with so many turns, hardly ever two with different ones.
const TURNS: usize = 64;
/// How long a connection waits for its store.
pub(super) const STORE_PATIENCE: Duration = Duration::from_secs(5);
/// The shortest time for which a store is asked to keep a session.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(10);

/// Whether a page of this origin may connect, where no list says so.
pub(super) type Doorkeeper = Box<dyn Fn(&str) -> bool + Send + Sync>;

pub(super) struct Registry {
    pub(super) rules: Rules,
    /// Asked in place of the list of origins.
    doorkeeper: Option<Doorkeeper>,
    pub(super) store: Box<dyn AnyStore>,
    /// The store is nobody else's, and goes when this goes: what a session says, gets and has taken is of no use there.
    pub(super) is_alone: bool,
    turns: Box<[tokio::sync::Mutex<()>]>,
    table: Mutex<Table>,
    /// What all sessions hold, and what those without a connection do, in bytes.
    pub(super) held: AtomicU64,
    pub(super) detached: AtomicU64,
    /// Connections that are being served.
    connections: AtomicUsize,
    /// The last of them has gone, or the last session.
    pub(super) idle: Notify,
    stopped: AtomicBool,
    stop: Notify,
    links: AtomicU64,
    origin: Instant,
}

#[derive(Default)]
struct Table {
    sessions: HashMap<Key, Arc<Core>>,
    places: Places,
    unused: Unused<Key>,
}

/// A session's place among those that are allowed, given back when dropped.
pub(super) struct Place {
    registry: Arc<Registry>,
    taken: places::Place,
}

impl Registry {
    pub(super) fn new(rules: Rules, doorkeeper: Option<Doorkeeper>, store: Box<dyn AnyStore>, is_alone: bool) -> Self {
        Self {
            rules,
            doorkeeper,
            store,
            is_alone,
            turns: (0..TURNS).map(|_| tokio::sync::Mutex::new(())).collect(),
            table: Mutex::default(),
            held: AtomicU64::new(0),
            detached: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            idle: Notify::new(),
            stopped: AtomicBool::new(false),
            stop: Notify::new(),
            links: AtomicU64::new(0),
            origin: Instant::now(),
        }
    }

    // Sessions

    /// The turn that HELLOs with this key's token wait for.
    pub(super) fn turn(&self, key: &Key) -> Option<&tokio::sync::Mutex<()>> {
        let [first, second, ..] = *key.as_bytes();
        let spread = usize::from(u16::from_be_bytes([first, second]));
        self.turns.get(spread % self.turns.len())
    }

    pub(super) fn find(&self, key: &Key) -> Option<Arc<Core>> {
        self.table().sessions.get(key).cloned()
    }

    /// Not after the stop: whoever ends all sessions has those that are here by then.
    #[must_use]
    pub(super) fn insert(&self, core: &Arc<Core>) -> bool {
        let mut table = self.table();
        if self.is_stopped() {
            return false;
        }
        let replaced = table.sessions.insert(core.key, core.clone());
        drop(table);
        // It may have to give back its place, and the table is free again.
        drop(replaced);
        true
    }

    /// Takes a session out, unless another one has its key by now.
    pub(super) fn remove(&self, core: &Core) {
        let mut table = self.table();
        if (table.sessions.get(&core.key)).is_some_and(|found| std::ptr::eq(&raw const **found, core)) {
            table.sessions.remove(&core.key);
        }
        drop(table);
        self.idle.notify_waiters();
    }

    pub(super) fn all(&self) -> Vec<Arc<Core>> {
        self.table().sessions.values().cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.table().sessions.len()
    }

    /// A new session. Until its client uses it, it is among the first to go when room is needed.
    #[must_use]
    pub(super) fn begin(&self, core: &Arc<Core>) -> bool {
        let key = core.key;
        let mut table = self.table();
        if self.is_stopped() {
            return false;
        }
        table.sessions.insert(key, core.clone());
        let Table { sessions, unused, .. } = &mut *table;
        unused.push(key, sessions.len(), |key| sessions.contains_key(key));
        true
    }

    /// A place for one session more. Where there is none, the oldest of those that no client ever used makes room.
    ///
    /// # Errors
    /// The reason to tell the client.
    pub(super) async fn place(self: &Arc<Self>, peer: &Peer) -> Result<Place, &'static str> {
        loop {
            let full = match self.try_place(peer) {
                Ok(place) => return Ok(place),
                Err(full) => full,
            };
            let victim = match full {
                Full::Sessions => self.next_unused(),
                Full::Quota(reason) => return Err(reason),
            };
            let Some(victim) = victim else {
                return Err(FULL);
            };
            victim.abandon(4429, MADE_ROOM, Fate::Forget);
            if tokio::time::timeout(STORE_PATIENCE, victim.ended()).await.is_err() {
                return Err(FULL);
            }
        }
    }

    fn try_place(self: &Arc<Self>, peer: &Peer) -> Result<Place, Full> {
        let taken = self.table().places.take(&self.rules.quotas, peer)?;
        Ok(Place {
            registry: self.clone(),
            taken,
        })
    }

    fn next_unused(&self) -> Option<Arc<Core>> {
        loop {
            let mut table = self.table();
            let key = table.unused.pop()?;
            let core = table.sessions.get(&key).cloned();
            // A session's own lock comes before the table's.
            drop(table);
            if let Some(core) = core.filter(|core| core.is_unused()) {
                return Some(core);
            }
        }
    }

    /// Ends sessions without a connection until what is left is within the bound.
    pub(super) fn shed(&self) {
        while self.detached.load(Ordering::Relaxed) > self.rules.max_detached_bytes {
            let cores = self.all();
            let detached = cores.iter().filter_map(|core| {
                let (bytes, since) = core.detached()?;
                Some(Detached {
                    session: core,
                    peer: &core.peer,
                    bytes,
                    since,
                })
            });
            let Some(core) = holders::first_to_go(detached) else {
                return;
            };
            core.abandon(1006, NO_ROOM, Fate::Forget);
        }
    }

    /// Whether the sessions hold as much as they may, all together.
    pub(super) fn is_full(&self) -> bool {
        self.held.load(Ordering::Relaxed) >= self.rules.max_held_bytes
    }

    /// How long a store keeps a session without hearing of it: half as long again as it may have to.
    pub(super) fn lifetime(&self) -> Duration {
        let resume = self.rules.settings.resume;
        (resume + resume / 2).max(SHORTEST_LIFETIME)
    }

    // Connections

    pub(super) fn next_link(&self) -> u64 {
        self.links.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn serves(self: &Arc<Self>) -> Serving {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Serving(self.clone())
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub(super) fn allows(&self, origin: Option<&str>) -> bool {
        let Some(origin) = origin else {
            return true;
        };
        match &self.doorkeeper {
            Some(allows) => allows(origin),
            None => self.rules.origins.contains(origin),
        }
    }

    // The end, and time

    pub(super) fn stop(&self) {
        let table = self.table();
        self.stopped.store(true, Ordering::Relaxed);
        drop(table);
        self.stop.notify_waiters();
    }

    /// Waits for the stop.
    pub(super) async fn stopping(&self) {
        let mut stop = std::pin::pin!(self.stop.notified());
        stop.as_mut().enable();
        if !self.is_stopped() {
            stop.await;
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(super) fn now(&self) -> Time {
        let elapsed = self.origin.elapsed().as_micros();
        Time::from_micros(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    pub(super) fn instant(&self, time: Time) -> Instant {
        self.origin + Duration::from_micros(time.as_micros())
    }

    /// Nothing that is done under this lock can panic half-way, so a poisoned one is as good as any.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.registry.table().places.give_back(&self.taken);
    }
}

/// A connection that is being served, until it is dropped.
pub(super) struct Serving(Arc<Registry>);

impl Drop for Serving {
    fn drop(&mut self) {
        if self.0.connections.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

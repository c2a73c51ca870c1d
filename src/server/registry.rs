//! All sessions of this process: found by their key, counted, and kept within bounds.

use std::boxed::Box;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::string::String;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::vec::Vec;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::core::Core;
use super::message::Peer;
use super::state::Fate;
use super::store::AnyStore;
use super::token::Key;
use crate::proto::Time;
use crate::session::Settings;

/// HELLOs with the same token wait for each other; with so many turns, hardly ever two with different ones.
const TURNS: usize = 64;
/// How many keys of sessions that have ended meanwhile the list of unused ones may have beyond their number.
const UNUSED_SLACK: usize = 64;
/// How long a connection waits for its store.
pub(super) const STORE_PATIENCE: Duration = Duration::from_secs(5);
/// The shortest time for which a store is asked to keep a session.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(10);

/// Which pages may connect.
pub(super) enum Origins {
    /// These.
    Listed(HashSet<String>),
    /// Those that the application lets in.
    Asked(Box<dyn Fn(&str) -> bool + Send + Sync>),
}

/// What holds for all sessions. The builder's options.
pub(super) struct Rules {
    pub(super) settings: Settings,
    pub(super) handshake_timeout: Duration,
    pub(super) close_timeout: Duration,
    pub(super) protocols: Vec<String>,
    pub(super) origins: Origins,
    pub(super) max_sessions: usize,
    pub(super) max_detached_bytes: usize,
    pub(super) max_held_bytes: usize,
    pub(super) max_per_address: usize,
    pub(super) max_per_principal: usize,
}

pub(super) struct Registry {
    pub(super) rules: Rules,
    pub(super) store: Box<dyn AnyStore>,
    pub(super) turns: Box<[tokio::sync::Mutex<()>]>,
    table: Mutex<Table>,
    /// What all sessions hold, and what those without a connection do, in bytes.
    pub(super) held: AtomicUsize,
    pub(super) detached: AtomicUsize,
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
    places: usize,
    by_address: HashMap<IpAddr, usize>,
    by_principal: HashMap<String, usize>,
    /// Sessions that may never have heard of their client after the WELCOME, the oldest first.
    unused: VecDeque<Key>,
}

/// A session's place among those that are allowed, given back when dropped.
pub(super) struct Place {
    registry: Arc<Registry>,
    address: Option<IpAddr>,
    principal: Option<String>,
}

/// Who is answerable for a session: a principal, or else an address. Those of nobody's are one's.
#[derive(PartialEq, Eq, Hash)]
enum Holder {
    Principal(String),
    Address(Option<IpAddr>),
}

impl Holder {
    fn of(peer: &Peer) -> Self {
        match &peer.principal {
            Some(principal) => Self::Principal(principal.clone()),
            None => Self::Address(peer.address.map(network)),
        }
    }
}

/// Why there is no place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Full {
    Sessions,
    Quota(&'static str),
}

impl Registry {
    pub(super) fn new(rules: Rules, store: Box<dyn AnyStore>) -> Self {
        Self {
            rules,
            store,
            turns: (0..TURNS).map(|_| tokio::sync::Mutex::new(())).collect(),
            table: Mutex::default(),
            held: AtomicUsize::new(0),
            detached: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            idle: Notify::new(),
            stopped: AtomicBool::new(false),
            stop: Notify::new(),
            links: AtomicU64::new(0),
            origin: Instant::now(),
        }
    }

    // Sessions

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
        if table.unused.len() > 2 * table.sessions.len() + UNUSED_SLACK {
            let Table { sessions, unused, .. } = &mut *table;
            unused.retain(|key| sessions.contains_key(key));
        }
        table.unused.push_back(key);
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
                return Err("too many sessions");
            };
            victim.abandon(4429, "made room for others", Fate::Forget);
            if tokio::time::timeout(STORE_PATIENCE, victim.ended()).await.is_err() {
                return Err("too many sessions");
            }
        }
    }

    fn try_place(self: &Arc<Self>, peer: &Peer) -> Result<Place, Full> {
        let address = peer.address.map(network);
        let principal = peer.principal.clone();
        let mut table = self.table();
        if table.places >= self.rules.max_sessions {
            return Err(Full::Sessions);
        }
        let at_address = address.map_or(0, |address| *table.by_address.get(&address).unwrap_or(&0));
        if at_address >= self.rules.max_per_address {
            return Err(Full::Quota("too many sessions from this address"));
        }
        let of_principal = (principal.as_ref()).map_or(0, |principal| *table.by_principal.get(principal).unwrap_or(&0));
        if of_principal >= self.rules.max_per_principal {
            return Err(Full::Quota("too many sessions of this principal"));
        }
        table.places += 1;
        if let Some(address) = address {
            *table.by_address.entry(address).or_default() += 1;
        }
        if let Some(principal) = &principal {
            *table.by_principal.entry(principal.clone()).or_default() += 1;
        }
        drop(table);
        Ok(Place {
            registry: self.clone(),
            address,
            principal,
        })
    }

    fn next_unused(&self) -> Option<Arc<Core>> {
        loop {
            let mut table = self.table();
            let key = table.unused.pop_front()?;
            let core = table.sessions.get(&key).cloned();
            // A session's own lock comes before the table's.
            drop(table);
            if let Some(core) = core.filter(|core| core.is_unused()) {
                return Some(core);
            }
        }
    }

    /// Ends sessions without a connection until what is left is within the bound: of whoever holds most of it with all of theirs,
    /// the one whose connection went last. So many small ones of one client don't drive out the one of another.
    pub(super) fn shed(&self) {
        while self.detached.load(Ordering::Relaxed) > self.rules.max_detached_bytes {
            let mut holders = HashMap::<Holder, (usize, Time, Arc<Core>)>::new();
            for core in self.all() {
                let Some((bytes, since)) = core.detached() else {
                    continue;
                };
                match holders.entry(Holder::of(&core.peer)) {
                    Entry::Vacant(entry) => {
                        entry.insert((bytes, since, core));
                    }
                    Entry::Occupied(mut entry) => {
                        let (total, last, youngest) = entry.get_mut();
                        *total += bytes;
                        if since >= *last {
                            (*last, *youngest) = (since, core);
                        }
                    }
                }
            }
            let Some((_, _, core)) = holders.into_values().max_by_key(|(total, ..)| *total) else {
                return;
            };
            core.abandon(1006, "no room to keep it", Fate::Forget);
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
        match (origin, &self.rules.origins) {
            (None, _) => true,
            (Some(origin), Origins::Listed(list)) => list.contains(&origin.to_ascii_lowercase()),
            (Some(origin), Origins::Asked(allow)) => allow(origin),
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
        let mut table = self.registry.table();
        table.places -= 1;
        if let Some(address) = self.address {
            release(&mut table.by_address, &address);
        }
        if let Some(principal) = &self.principal {
            release(&mut table.by_principal, principal);
        }
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

/// A count that falls to zero takes up no memory.
fn release<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// Whoever has one address of IPv6 has 2⁶⁴ of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let high = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(high).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

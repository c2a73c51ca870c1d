//! A store in this process's memory.

use std::boxed::Box;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::string::String;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::store::{Claim, Claimed, Commit, Store, StoreError, Stored, Tombstone, Verdict};
use crate::codec::Payload;
use crate::hub::ends::MOST_ENDS;
use crate::hub::{Identity, Key};
use crate::session::Record;

/// How often whatever has outlived its time is looked for, while the store is used at all.
const SWEEP: Duration = Duration::from_secs(1);

/// Keeps sessions in memory: they end with the process. The default.
///
/// Clones share what they keep, so that several [`Sessions`](super::Sessions) of one process can share their sessions.
#[derive(Clone, Default)]
pub struct MemoryStore {
    shelves: Arc<Mutex<Shelves>>,
}

#[derive(Default)]
struct Shelves {
    sessions: HashMap<Key, Kept>,
    tombstones: HashMap<Key, (Tombstone, Instant)>,
    /// The tombstones, the oldest first.
    order: VecDeque<Key>,
    swept: Option<Instant>,
}

struct Kept {
    identity: Identity,
    protocol: String,
    record: Record,
    payloads: VecDeque<Arc<Payload>>,
    until: Instant,
}

impl MemoryStore {
    /// Nothing kept.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many sessions are kept.
    pub fn len(&self) -> usize {
        self.shelves().sessions.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything, ends that were remembered too.
    pub fn clear(&self) {
        *self.shelves() = Shelves::default();
    }

    /// Nothing that is done under this lock can panic half-way, so a poisoned one is as good as any.
    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn swept(&self) -> MutexGuard<'_, Shelves> {
        let mut shelves = self.shelves();
        let now = Instant::now();
        if shelves.swept.is_none_or(|swept| now.duration_since(swept) >= SWEEP) {
            shelves.sweep(now);
        }
        shelves
    }
}

impl Shelves {
    fn sweep(&mut self, now: Instant) {
        self.swept = Some(now);
        self.sessions.retain(|_, kept| kept.until > now);
        self.tombstones.retain(|_, (_, until)| *until > now);
        let tombstones = &self.tombstones;
        self.order.retain(|key| tombstones.contains_key(key));
    }

    fn bury(&mut self, key: Key, tombstone: Tombstone) {
        if tombstone.lifetime.is_zero() {
            return;
        }
        if self.order.len() >= MOST_ENDS
            && let Some(oldest) = self.order.pop_front()
        {
            self.tombstones.remove(&oldest);
        }
        let until = Instant::now() + tombstone.lifetime;
        self.tombstones.insert(key, (tombstone, until));
        self.order.push_back(key);
    }

    /// The session, if it may be changed by whoever knows this attempt.
    fn at(&mut self, key: Key, attempt: u64) -> Result<&mut Kept, Verdict> {
        match self.sessions.get_mut(&key) {
            None => Err(Verdict::Gone),
            Some(kept) if kept.record.attempt != attempt => Err(Verdict::Superseded),
            Some(kept) => Ok(kept),
        }
    }

    fn claim(&mut self, key: Key, claim: &Claim) -> Claimed {
        let now = Instant::now();
        if let Some((tombstone, until)) = self.tombstones.get(&key)
            && *until > now
            && tombstone.identity == claim.identity
        {
            return Claimed::Ended(tombstone.clone());
        }
        let Some(kept) = self.sessions.get_mut(&key) else {
            return Claimed::Unknown;
        };
        if kept.until <= now || kept.identity != claim.identity {
            return Claimed::Unknown;
        }
        if claim.attempt <= kept.record.attempt {
            return Claimed::Late;
        }
        let claimed = if claim.known == Some(kept.record.attempt) {
            Claimed::Current
        } else {
            Claimed::Moved(Box::new(Stored {
                identity: kept.identity.clone(),
                protocol: kept.protocol.clone(),
                record: kept.record,
                payloads: kept.payloads.iter().cloned().collect(),
            }))
        };
        kept.record.attempt = claim.attempt;
        kept.until = now + claim.lifetime;
        claimed
    }

    fn commit(&mut self, key: Key, commit: Commit) -> Verdict {
        match self.at(key, commit.record.attempt) {
            Err(verdict) => verdict,
            Ok(kept) => {
                kept.payloads.drain(..commit.released.min(kept.payloads.len()));
                kept.payloads.extend(commit.appended);
                kept.record = commit.record;
                kept.until = Instant::now() + commit.lifetime;
                Verdict::Done
            }
        }
    }

    fn end(&mut self, key: Key, attempt: u64, tombstone: Option<Tombstone>) -> Verdict {
        if let Err(verdict) = self.at(key, attempt) {
            return verdict;
        }
        self.sessions.remove(&key);
        if let Some(tombstone) = tombstone {
            self.bury(key, tombstone);
        }
        Verdict::Done
    }
}

impl Store for MemoryStore {
    async fn create(&self, key: Key, session: Stored, lifetime: Duration) -> Result<(), StoreError> {
        let kept = Kept {
            identity: session.identity,
            protocol: session.protocol,
            record: session.record,
            payloads: session.payloads.into(),
            until: Instant::now() + lifetime,
        };
        self.swept().sessions.insert(key, kept);
        Ok(())
    }

    async fn claim(&self, key: Key, claim: Claim) -> Result<Claimed, StoreError> {
        Ok(self.swept().claim(key, &claim))
    }

    async fn commit(&self, key: Key, commit: Commit) -> Result<Verdict, StoreError> {
        Ok(self.shelves().commit(key, commit))
    }

    async fn end(&self, key: Key, attempt: u64, tombstone: Option<Tombstone>) -> Result<Verdict, StoreError> {
        Ok(self.swept().end(key, attempt, tombstone))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("sessions", &self.len()).finish()
    }
}

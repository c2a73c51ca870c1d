//! Where sessions are kept, so that another node, or the next process, can go on with them.

use std::boxed::Box;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::string::String;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use crate::codec::Payload;
use crate::hub::{Identity, Key};
use crate::session::Record;

/// Keeps sessions. [`MemoryStore`](super::MemoryStore) keeps them in this process; one on a database lets a session move from
/// node to node.
///
/// Each call is one atomic step: what it checks must still hold when it writes. An `Err` says that the step was *not* done. A
/// store that can't tell asks again until it can; a session waits meanwhile.
///
/// A store that was restored from an older copy must forget all sessions: their numbers are not those that clients know.
pub trait Store: Send + Sync + 'static {
    /// Keeps a new session for `lifetime`, which every later step begins anew. Its key is not in use.
    ///
    /// # Errors
    /// Where it can't be kept: the client is told to come again later.
    fn create(
        &self,
        key: Key,
        session: Stored,
        lifetime: Duration,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// A client has come back with a session's token. Where the session is there, made by this identity, and its attempt lower
    /// than the claim's, the claim's becomes the session's.
    ///
    /// # Errors
    /// Where it can't be found out: the client is told to come again later.
    fn claim(&self, key: Key, claim: Claim) -> impl Future<Output = Result<Claimed, StoreError>> + Send;

    /// Where the session's attempt is that of the record: puts the record in place of the old one, drops as many of the oldest
    /// payloads as were released, and then appends those that were added.
    ///
    /// # Errors
    /// Where it was not done: what depended on it does not happen, and the connection is closed with 4429.
    fn commit(&self, key: Key, commit: Commit) -> impl Future<Output = Result<Verdict, StoreError>> + Send;

    /// Where the session's attempt is this one: forgets the session; and remembers its end for as long as the tombstone says,
    /// where there is one.
    ///
    /// # Errors
    /// Where it was not done: it is tried again.
    fn end(
        &self,
        key: Key,
        attempt: u64,
        tombstone: Option<Tombstone>,
    ) -> impl Future<Output = Result<Verdict, StoreError>> + Send;
}

/// A session as a store keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Whose it is.
    pub identity: Identity,
    /// The application's subprotocol; empty: none.
    pub protocol: String,
    /// The numbers.
    pub record: Record,
    /// What the client's application has not taken, the oldest first.
    pub payloads: Vec<Arc<Payload>>,
}

/// What a client that comes back wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The attempt of its HELLO.
    pub attempt: u64,
    /// Who it is.
    pub identity: Identity,
    /// The attempt up to which the asking node has the session in its memory.
    pub known: Option<u64>,
    /// How long the session is kept from now on.
    pub lifetime: Duration,
}

/// What becomes of a [`Claim`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// There is no such session, or it is somebody else's.
    Unknown,
    /// A higher attempt, or the same, was here before.
    Late,
    /// It has ended.
    Ended(Tombstone),
    /// It is the client's, and nobody has claimed it since the attempt that the node knows.
    Current,
    /// It is the client's; here is all of it, with the attempt that it had before.
    Moved(Box<Stored>),
}

/// A step of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The numbers from now on. The attempt is the condition.
    pub record: Record,
    /// How many of the oldest payloads were taken.
    pub released: usize,
    /// What was sent.
    pub appended: Vec<Arc<Payload>>,
    /// How long the session is kept from now on.
    pub lifetime: Duration,
}

/// Whether a step was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was.
    Done,
    /// A higher attempt has claimed the session; nothing was done.
    Superseded,
    /// There is no such session; nothing was done.
    Gone,
}

/// What is remembered of a session that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Whose it was.
    pub identity: Identity,
    /// The code of the BYE that answers a late HELLO.
    pub code: u16,
    /// Its reason.
    pub reason: String,
    /// How long it is remembered.
    pub lifetime: Duration,
}

/// Why a store could not be asked.
#[derive(Debug)]
pub struct StoreError(Box<dyn Error + Send + Sync>);

impl StoreError {
    /// With what went wrong.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store of sessions can't be asked: {}", self.0)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A [`Store`] of any type.
pub(super) trait AnyStore: Send + Sync {
    fn create(&self, key: Key, session: Stored, lifetime: Duration) -> Answer<'_, ()>;
    fn claim(&self, key: Key, claim: Claim) -> Answer<'_, Claimed>;
    fn commit(&self, key: Key, commit: Commit) -> Answer<'_, Verdict>;
    fn end(&self, key: Key, attempt: u64, tombstone: Option<Tombstone>) -> Answer<'_, Verdict>;
}

impl<S: Store> AnyStore for S {
    fn create(&self, key: Key, session: Stored, lifetime: Duration) -> Answer<'_, ()> {
        Box::pin(Store::create(self, key, session, lifetime))
    }

    fn claim(&self, key: Key, claim: Claim) -> Answer<'_, Claimed> {
        Box::pin(Store::claim(self, key, claim))
    }

    fn commit(&self, key: Key, commit: Commit) -> Answer<'_, Verdict> {
        Box::pin(Store::commit(self, key, commit))
    }

    fn end(&self, key: Key, attempt: u64, tombstone: Option<Tombstone>) -> Answer<'_, Verdict> {
        Box::pin(Store::end(self, key, attempt, tombstone))
    }
}

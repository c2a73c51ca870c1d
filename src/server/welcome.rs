//! What a HELLO comes to: a new session, one that goes on, or a refusal.

use std::string::String;
use std::sync::Arc;

use tokio::sync::{Notify, OwnedMutexGuard, oneshot};
use tokio::time::timeout;

use super::commit::{Why, uncancelled};
use super::core::Core;
use super::message::Peer;
use super::registry::{Registry, STORE_PATIENCE};
use super::state::{Fate, Goodbye};
use super::store::{Claim, Claimed, StoreError, Stored, Tombstone};
use super::token::{self, Key};
use crate::session::frame::{Bye, Hello, Welcome};
use crate::session::{Link, Refusal};

/// A connection that carries a session now. Dropped, it leaves the session without one.
pub(super) struct Attached {
    pub(super) core: Arc<Core>,
    pub(super) link: Link,
    pub(super) driver: Arc<Notify>,
    pub(super) closed: oneshot::Receiver<Goodbye>,
}

/// A HELLO that was accepted.
pub(super) struct Accepted {
    pub(super) attached: Attached,
    /// The first frame.
    pub(super) welcome: Welcome,
}

/// A HELLO that was not.
#[derive(Debug)]
pub(super) enum Refused {
    Close(Goodbye),
    /// Answered with this BYE.
    Ended(Bye),
}

impl Attached {
    fn new(core: Arc<Core>, link: Link) -> Self {
        let (driver, closed) = core.attach(link);
        Self {
            core,
            link,
            driver,
            closed,
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.core.detach(self.link);
    }
}

impl From<StoreError> for Refused {
    fn from(_: StoreError) -> Self {
        Self::busy("the store of sessions can't be asked")
    }
}

impl Refused {
    const fn busy(reason: &'static str) -> Self {
        Self::Close(Goodbye {
            code: 4429,
            reason: std::borrow::Cow::Borrowed(reason),
        })
    }

    fn late() -> Self {
        Self::Close(Goodbye::new(4409, "superseded by a newer connection"))
    }

    fn ended(tombstone: Tombstone) -> Self {
        Self::Ended(Bye {
            code: tombstone.code.into(),
            reason: tombstone.reason,
        })
    }
}

/// Answers a HELLO. Once begun it is done whole, whatever becomes of the connection.
pub(super) async fn answer(registry: &Arc<Registry>, hello: Hello, peer: Peer) -> Result<Accepted, Refused> {
    let registry = registry.clone();
    let runtime = tokio::runtime::Handle::current();
    let greeting = async move { Greeting { registry, hello, peer }.answer().await };
    match timeout(STORE_PATIENCE, uncancelled(&runtime, greeting)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(Refused::busy("the store of sessions does not answer")),
    }
}

struct Greeting {
    registry: Arc<Registry>,
    hello: Hello,
    peer: Peer,
}

/// A claim that was asked for, and the turn of the session that is here, if one is.
enum Found {
    /// Begin anew.
    Nothing,
    Here(Arc<Core>, OwnedMutexGuard<()>),
    Elsewhere(Stored),
}

impl Greeting {
    async fn answer(self) -> Result<Accepted, Refused> {
        if self.hello.token.is_empty() {
            return self.begin().await;
        }
        let key = Key::of(&self.hello.token);
        // Two HELLOs with one token: one after the other.
        let registry = self.registry.clone();
        let _turn = match registry.turns.get(key.spread(registry.turns.len())) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        match self.find(key).await? {
            Found::Nothing => self.begin().await,
            Found::Here(core, turn) => self.resume(core, turn).await,
            Found::Elsewhere(stored) => self.restore(key, stored).await,
        }
    }

    async fn find(&self, key: Key) -> Result<Found, Refused> {
        let identity = self.peer.identity();
        let mut claim = Claim {
            attempt: self.hello.attempt,
            identity,
            known: None,
            lifetime: self.registry.lifetime(),
        };
        let here = self.registry.find(&key);
        let Some(core) = here else {
            return match self.registry.store.claim(key, claim).await? {
                Claimed::Unknown => Ok(Found::Nothing),
                Claimed::Late | Claimed::Current => Err(Refused::late()),
                Claimed::Ended(tombstone) => Err(Refused::ended(tombstone)),
                Claimed::Moved(stored) => Ok(Found::Elsewhere(*stored)),
            };
        };
        if core.peer.identity() != claim.identity {
            return Ok(Found::Nothing);
        }
        // From here on no commit of this process comes between.
        let turn = core.turn.clone().lock_owned().await;
        if core.is_ending() {
            drop(turn);
            core.ended().await;
        } else {
            claim.known = Some(core.attempt());
            return match self.registry.store.claim(key, claim).await? {
                Claimed::Late => Err(Refused::late()),
                Claimed::Current => Ok(Found::Here(core, turn)),
                Claimed::Unknown => {
                    core.abandon(1006, "session lost", Fate::Gone);
                    Ok(Found::Nothing)
                }
                Claimed::Ended(tombstone) => {
                    core.abandon(4409, "ended elsewhere", Fate::Moved);
                    Err(Refused::ended(tombstone))
                }
                Claimed::Moved(stored) => {
                    core.abandon(4409, "superseded by a newer connection", Fate::Moved);
                    Ok(Found::Elsewhere(*stored))
                }
            };
        }
        match self.registry.store.claim(key, claim).await? {
            Claimed::Unknown => Ok(Found::Nothing),
            Claimed::Ended(tombstone) => Err(Refused::ended(tombstone)),
            Claimed::Moved(stored) => Ok(Found::Elsewhere(*stored)),
            Claimed::Late | Claimed::Current => Err(Refused::late()),
        }
    }

    async fn begin(self) -> Result<Accepted, Refused> {
        let Self { registry, hello, peer } = self;
        let place = registry.place(&peer).await.map_err(Refused::busy)?;
        let token = token::token().map_err(|_| Refused::busy("no randomness for a token"))?;
        let key = Key::of(&token);
        let protocol = select(&registry, &hello);
        let (core, link, mut welcome) = Core::create(&registry, key, peer, place, &hello, protocol);
        welcome.token = token;
        registry.store.create(key, core.stored(), registry.lifetime()).await?;
        let core = Arc::new(core);
        registry.begin(&core);
        Ok(Accepted {
            attached: Attached::new(core, link),
            welcome,
        })
    }

    async fn resume(self, core: Arc<Core>, turn: OwnedMutexGuard<()>) -> Result<Accepted, Refused> {
        let link = self.registry.next_link();
        let welcome = match core.resume(&self.hello, link) {
            Ok(welcome) => welcome,
            Err(Refusal::Late) => return Err(Refused::late()),
            Err(Refusal::Lost) => {
                drop(turn);
                return self.begin().await;
            }
        };
        let attached = Attached::new(core, link);
        attached.core.write_down(Why::Changes).await?;
        drop(turn);
        Ok(Accepted { attached, welcome })
    }

    async fn restore(self, key: Key, stored: Stored) -> Result<Accepted, Refused> {
        let place = (self.registry.place(&self.peer).await).map_err(Refused::busy)?;
        let core = Core::restore(&self.registry, key, self.peer.clone(), place, stored);
        let core = Arc::new(core);
        let turn = core.turn.clone().lock_owned().await;
        let link = self.registry.next_link();
        match core.resume(&self.hello, link) {
            Ok(welcome) => {
                self.registry.insert(&core);
                let attached = Attached::new(core, link);
                attached.core.write_down(Why::Changes).await?;
                drop(turn);
                Ok(Accepted { attached, welcome })
            }
            Err(Refusal::Late) => Err(Refused::late()),
            Err(Refusal::Lost) => {
                drop(turn);
                self.begin().await
            }
        }
    }
}

/// The first subprotocol of the client's that the server knows.
fn select(registry: &Registry, hello: &Hello) -> String {
    let known = &registry.rules.protocols;
    let selected = hello.protocols.iter().find(|protocol| known.contains(protocol));
    selected.cloned().unwrap_or_default()
}

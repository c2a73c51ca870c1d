//! What a HELLO comes to: a new session, one that goes on, or a refusal.

use std::sync::Arc;

use tokio::sync::{Notify, OwnedMutexGuard, oneshot};
use tokio::time::timeout;

use super::commit::{Why, uncancelled};
use super::core::Core;
use super::registry::{Registry, STORE_PATIENCE};
use super::state::Fate;
use super::store::{Claim, Claimed, StoreError, Stored, Tombstone};
use super::token;
use crate::hub::goodbye::{GOING_AWAY, Goodbye};
use crate::hub::greeting::select;
use crate::hub::{Key, Peer};
use crate::session::frame::{Bye, Hello, Welcome};
use crate::session::{Link, Refusal, Server};

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
    const fn slow() -> Self {
        Self::busy("the store of sessions does not answer")
    }

    const fn busy(reason: &'static str) -> Self {
        Self::Close(Goodbye {
            code: 4429,
            reason: std::borrow::Cow::Borrowed(reason),
        })
    }

    fn stopped() -> Self {
        Self::Close(Goodbye::new(1001, GOING_AWAY))
    }

    fn late() -> Self {
        Self::Close(Goodbye::new(4409, Server::SUPERSEDED))
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
        Err(_) => Err(Refused::slow()),
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
        let turn = match registry.turn(&key) {
            // Behind a store that hangs no queue grows.
            Some(turn) => Some(
                timeout(STORE_PATIENCE, turn.lock())
                    .await
                    .map_err(|_| Refused::slow())?,
            ),
            None => None,
        };
        let accepted = match self.find(key).await? {
            Found::Nothing => None,
            Found::Here(core, turn) => self.resume(core, turn).await?,
            Found::Elsewhere(stored) => self.restore(key, stored).await?,
        };
        drop(turn);
        match accepted {
            Some(accepted) => Ok(accepted),
            None => self.begin().await,
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
        let turn = timeout(STORE_PATIENCE, core.turn.clone().lock_owned()).await;
        let turn = turn.map_err(|_| Refused::slow())?;
        if core.is_ending() {
            drop(turn);
        } else {
            claim.known = Some(core.attempt());
            return match self.registry.store.claim(key, claim.clone()).await? {
                Claimed::Late => Err(Refused::late()),
                Claimed::Current => {
                    if core.claimed_too_late(claim.attempt) {
                        drop(turn);
                        return self.find_ended(&core, key, claim).await;
                    }
                    Ok(Found::Here(core, turn))
                }
                Claimed::Unknown => {
                    core.abandon(1006, Server::LOST, Fate::Gone);
                    Ok(Found::Nothing)
                }
                Claimed::Ended(tombstone) => {
                    core.abandon(4409, "ended elsewhere", Fate::Moved);
                    Err(Refused::ended(tombstone))
                }
                Claimed::Moved(stored) => {
                    core.abandon(4409, Server::SUPERSEDED, Fate::Moved);
                    Ok(Found::Elsewhere(*stored))
                }
            };
        }
        self.find_ended(&core, key, claim).await
    }

    /// What the store says of a session that has ended here.
    async fn find_ended(&self, core: &Core, key: Key, claim: Claim) -> Result<Found, Refused> {
        core.ended().await;
        let claim = Claim { known: None, ..claim };
        match self.registry.store.claim(key, claim).await? {
            Claimed::Unknown => Ok(Found::Nothing),
            Claimed::Ended(tombstone) => Err(Refused::ended(tombstone)),
            Claimed::Moved(stored) => Ok(Found::Elsewhere(*stored)),
            Claimed::Late | Claimed::Current if self.registry.is_stopped() => Err(Refused::stopped()),
            Claimed::Late | Claimed::Current => Err(Refused::late()),
        }
    }

    async fn begin(self) -> Result<Accepted, Refused> {
        let Self { registry, hello, peer } = self;
        let place = registry.place(&peer).await.map_err(Refused::busy)?;
        let token = token::token().map_err(|_| Refused::busy("no randomness for a token"))?;
        let key = Key::of(&token);
        let known = registry.rules.protocols.as_deref().unwrap_or_default();
        let protocol = select(known, &hello.protocols);
        let (core, link, mut welcome) = Core::create(&registry, key, peer, place, &hello, protocol);
        welcome.token = token;
        registry.store.create(key, core.stored(), registry.lifetime()).await?;
        let core = Arc::new(core);
        let attached = core.attach(link);
        if !registry.begin(&core) {
            core.abandon(1001, GOING_AWAY, Fate::Forget);
            return Err(Refused::stopped());
        }
        Ok(Accepted { attached, welcome })
    }

    /// The session goes on; or, where its two ends don't agree on where they are, has ended.
    async fn resume(&self, core: Arc<Core>, turn: OwnedMutexGuard<()>) -> Result<Option<Accepted>, Refused> {
        match core.resume(&self.hello, self.registry.next_link()) {
            Ok((attached, welcome)) => Self::written_down(attached, welcome, turn).await.map(Some),
            Err(Refusal::Late) => Err(Refused::late()),
            Err(Refusal::Lost) => {
                drop(turn);
                // It gives its place back first.
                core.ended().await;
                Ok(None)
            }
        }
    }

    /// The WELCOME may leave once the store knows of it.
    async fn written_down(
        mut attached: Attached,
        welcome: Welcome,
        turn: OwnedMutexGuard<()>,
    ) -> Result<Accepted, Refused> {
        attached.core.write_down(Why::Changes).await?;
        drop(turn);
        if let Ok(goodbye) = attached.closed.try_recv() {
            // It has ended meanwhile, or gone on elsewhere.
            return Err(Refused::Close(goodbye.sendable()));
        }
        Ok(Accepted { attached, welcome })
    }

    async fn restore(&self, key: Key, stored: Stored) -> Result<Option<Accepted>, Refused> {
        let place = (self.registry.place(&self.peer).await).map_err(Refused::busy)?;
        let core = Core::restore(&self.registry, key, self.peer.clone(), place, stored);
        let core = Arc::new(core);
        let turn = core.turn.clone().lock_owned().await;
        match self.resume(core, turn).await? {
            Some(accepted) if !self.registry.insert(&accepted.attached.core) => {
                accepted.attached.core.abandon(1001, GOING_AWAY, Fate::Moved);
                Err(Refused::stopped())
            }
            accepted => Ok(accepted),
        }
    }
}

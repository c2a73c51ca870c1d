//! Describes the sessions of a server before it serves any.

use std::boxed::Box;
use std::fmt;
use std::marker::PhantomData;
use std::string::String;
use std::sync::Arc;
use std::time::Duration;

use super::memory::MemoryStore;
use super::registry::{Doorkeeper, Registry};
use super::sessions::Sessions;
use super::store::Store;
use crate::codec::{Codec, Json};
use crate::hub::{Origins, Rules};

/// The longest duration of any option: a year.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Describes [`Sessions`]; [`build`](Self::build) makes them. Every option but the origins has a default that suits most servers.
pub struct Builder<In, Out = In, C = Json, S = MemoryStore> {
    rules: Rules,
    doorkeeper: Option<Doorkeeper>,
    codec: C,
    store: S,
    /// Nobody else has the store.
    is_own: bool,
    messages: PhantomData<fn(Out) -> In>,
}

impl<In, Out> Builder<In, Out> {
    pub(super) fn new() -> Self {
        Self {
            rules: Rules::default(),
            doorkeeper: None,
            codec: Json,
            store: MemoryStore::new(),
            is_own: true,
            messages: PhantomData,
        }
    }
}

impl<In, Out, C, S> Builder<In, Out, C, S> {
    /// How messages are encoded and decoded. Default: [`Json`].
    pub fn codec<D>(self, codec: D) -> Builder<In, Out, D, S> {
        Builder {
            rules: self.rules,
            doorkeeper: self.doorkeeper,
            codec,
            store: self.store,
            is_own: self.is_own,
            messages: PhantomData,
        }
    }

    /// Where sessions are kept. Default: a [`MemoryStore`] of their own, which no message waits for, as nobody else reads it.
    pub fn store<T>(self, store: T) -> Builder<In, Out, C, T> {
        Builder {
            rules: self.rules,
            doorkeeper: self.doorkeeper,
            codec: self.codec,
            store,
            is_own: false,
            messages: PhantomData,
        }
    }

    /// Lets pages of this origin connect, as a browser spells it: `https://example.com`. May be called for several. Default: no
    /// page may; clients that send no `Origin` are no pages, and always may.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.rules.origins.allow(&origin.into());
        self.doorkeeper = None;
        self
    }

    /// Lets pages connect whose origin this says yes to. In place of [`allow_origin`](Self::allow_origin). A session can be
    /// resumed from the origin that made it only, whatever this says.
    pub fn allow_origins_with(mut self, allow: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.rules.origins = Origins::default();
        self.doorkeeper = Some(Box::new(allow));
        self
    }

    /// The application's subprotocols. The first that a client wants and that is among them is the session's. Default: none.
    pub fn protocols<I>(mut self, protocols: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.rules.protocols = Some(protocols.into_iter().map(Into::into).collect());
        self
    }

    /// How long a session outlives its connection, and its end is remembered. Default: 120 s.
    pub fn resume(mut self, resume: Duration) -> Self {
        self.rules.settings.resume = resume.min(LONGEST);
        self
    }

    /// How long the server is silent at most, so that a client can tell a dead link; a client that was silent for twice that is
    /// asked whether it is there. Zero: as long as it likes, and nobody is asked. Default: 15 s.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.rules.settings.heartbeat = heartbeat.min(LONGEST);
        self
    }

    /// How long a client has to answer that. Default: 5 s.
    pub fn probe(mut self, probe: Duration) -> Self {
        self.rules.settings.probe = probe.min(LONGEST);
        self
    }

    /// How long a client has for its HELLO. Default: 5 s.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.rules.handshake_timeout = timeout.min(LONGEST);
        self
    }

    /// How long [`Session::close`](super::Session::close) waits until what was sent is taken. Default: 5 s.
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.rules.close_timeout = timeout.min(LONGEST);
        self
    }

    /// How much may have arrived and wait to be received, in positions: a message takes up one, and one more for each 4 KiB.
    /// At least 1. Default: 1,024.
    pub fn window(mut self, positions: u64) -> Self {
        self.rules.settings.window = positions.clamp(1, 1 << 32);
        self
    }

    /// The largest message that is taken, in bytes; a larger one ends its session with 4413. The WebSocket library must let
    /// frames of that and 64 KiB more pass. At least 1. Default: 1 MiB.
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.rules.settings.max_message = (bytes as u64).clamp(1, crate::session::LAST);
        self
    }

    /// How much may have been sent and not been taken by the client's application; past that, `send` waits. Default: 4,096
    /// messages, 16 MiB.
    pub fn outbox(mut self, messages: usize, bytes: usize) -> Self {
        self.rules.settings.outbox_messages = messages.max(1);
        self.rules.settings.outbox_bytes = bytes;
        self
    }

    /// How many sessions there may be. One more is refused with 4429, unless one can go whose client never said anything after the
    /// WELCOME: the oldest of them then ends with 4429. Default: 10,000.
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.rules.quotas.sessions = sessions;
        self
    }

    /// How much sessions without a connection may hold, all together, in bytes; 32 are added for each message. Past that
    /// one ends: of the principal, or else the address, that holds most with all of theirs, the one whose connection went last.
    /// Default: 256 MiB.
    pub fn max_detached_bytes(mut self, bytes: u64) -> Self {
        self.rules.max_detached_bytes = bytes;
        self
    }

    /// How much all sessions may hold, both ways, in bytes, until sending has to wait; 32 are added for each message. Past that
    /// `send` waits where anything that was sent before is not taken, so that each session still gets on, one message at a time.
    /// What clients send is not held back by it: that is bounded for each session, by [`window`](Self::window). Default: 1 GiB.
    pub fn max_held_bytes(mut self, bytes: u64) -> Self {
        self.rules.max_held_bytes = bytes;
        self
    }

    /// How many sessions an address may have; of IPv6, a network of 64 bits. One more is refused with 4429. Default: any number.
    pub fn max_sessions_per_address(mut self, sessions: usize) -> Self {
        self.rules.quotas.per_address = sessions;
        self
    }

    /// How many sessions a principal may have. One more is refused with 4429. Default: any number.
    pub fn max_sessions_per_principal(mut self, sessions: usize) -> Self {
        self.rules.quotas.per_principal = sessions;
        self
    }

    /// The sessions. There are none yet.
    pub fn build(self) -> Sessions<In, Out>
    where
        In: 'static,
        Out: 'static,
        C: Codec<In, Out>,
        S: Store,
    {
        let registry = Arc::new(Registry::new(
            self.rules,
            self.doorkeeper,
            Box::new(self.store),
            self.is_own,
        ));
        Sessions::new(registry, self.codec)
    }
}

impl<In, Out, C, S> fmt::Debug for Builder<In, Out, C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("settings", &self.rules.settings)
            .field("max_sessions", &self.rules.quotas.sessions)
            .finish_non_exhaustive()
    }
}

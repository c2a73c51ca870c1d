//! All sessions of a server, as whoever runs it has them.

use std::fmt;
use std::pin::pin;
use std::string::String;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_core::Stream;
use futures_sink::Sink;
use tokio::time::{Instant, timeout_at};

use super::builder::Builder;
use super::halves::{Decode, Encode, halves};
use super::message::{Message, Parting};
use super::registry::Registry;
use super::serve;
use super::session::Session;
use super::state::Fate;
use crate::codec::Codec;
use crate::hub::goodbye::{GOING_AWAY, REASON_BYTES, clip, of_server};
use crate::hub::{Peer, Stats};
use crate::session::Server;

/// How long after their patience sessions may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// The sessions of a server. Clones are the same sessions.
pub struct Sessions<In, Out = In> {
    registry: Arc<Registry>,
    decode: Arc<dyn Decode<In>>,
    encode: Arc<dyn Encode<Out>>,
}

/// What [`Sessions::shutdown`] does with the sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Ends them: what was sent goes out first; the clients do not come back.
    Bye {
        /// The code that the clients are told: 1001, say. One that no close frame may have becomes 1000.
        code: u16,
        /// The reason.
        reason: String,
    },
    /// Leaves them to the store: the clients come back, and whoever has the store then goes on with them. Without
    /// a [`store`](super::Builder::store) there is nobody who could: they are forgotten, and
    /// [`Ended::unacknowledged`](super::Ended::unacknowledged) hands back what was not taken. Those that their applications have
    /// closed end, as they were to, but wait no longer for what was sent to be taken.
    Detach,
}

impl<In, Out> Sessions<In, Out> {
    /// Describes sessions; see [`Builder`].
    pub fn builder() -> Builder<In, Out> {
        Builder::new()
    }

    pub(super) fn new(registry: Arc<Registry>, codec: impl Codec<In, Out>) -> Self
    where
        In: 'static,
        Out: 'static,
    {
        let (decode, encode) = halves(codec);
        Self {
            registry,
            decode,
            encode,
        }
    }

    /// Serves a WebSocket connection on which [`PROTOCOL`](crate::session::PROTOCOL) was agreed, to its end. Where its client
    /// begins a session, or brings one from another process, `application` is called with it, and what that returns runs as a
    /// task of its own: the session outlives the connection.
    ///
    /// Ends when the connection has ended. Dropping the future drops the connection, and the session waits for the next one.
    ///
    /// Must run on a tokio runtime with timers.
    pub async fn serve<F, E, A, R>(&self, frames: F, peer: Peer, application: A) -> Parting
    where
        In: 'static,
        Out: 'static,
        F: Stream<Item = Result<Message, E>> + Sink<Message> + Send,
        A: FnOnce(Session<In, Out>) -> R + Send,
        R: Future<Output = ()> + Send + 'static,
    {
        let (decode, encode) = (&self.decode, &self.encode);
        serve::serve(&self.registry, frames, peer, |attached| {
            let session = Session::new(&attached.core, decode.clone(), encode.clone());
            attached.core.runtime.spawn(application(session));
        })
        .await
    }

    /// Whether a page of this origin may connect. [`serve`](Self::serve) closes others with 4401; to answer the upgrade with
    /// 403 is kinder.
    pub fn allows(&self, origin: Option<&str>) -> bool {
        self.registry.allows(origin)
    }

    /// How things are.
    pub fn stats(&self) -> Stats {
        let sessions = self.registry.all();
        Stats {
            sessions: sessions.len(),
            attached: sessions.iter().filter(|core| core.is_attached()).count(),
            connections: self.registry.connections(),
            held_bytes: self.registry.held.load(Ordering::Relaxed),
            detached_bytes: self.registry.detached.load(Ordering::Relaxed),
        }
    }

    /// Takes no more connections, ends the sessions or leaves them to the store, and waits until all connections are closed;
    /// for `timeout` and a moment at most. The applications' sessions end.
    pub async fn shutdown(&self, shutdown: Shutdown, timeout: Duration) {
        self.registry.stop();
        let deadline = Instant::now() + timeout.min(Duration::from_secs(24 * 60 * 60));
        match shutdown {
            Shutdown::Bye { code, reason } => {
                for core in self.registry.all() {
                    core.close(of_server(code), clip(&reason, REASON_BYTES), timeout);
                }
                self.wait(deadline + GOODBYE, |registry| registry.len() == 0).await;
                for core in self.registry.all() {
                    core.abandon(1001, GOING_AWAY, Fate::Forget);
                }
            }
            Shutdown::Detach => {
                // A store that does not answer must not hold up the end.
                let _ = timeout_at(deadline, self.store_all()).await;
                for core in self.registry.all() {
                    if !core.hurry() {
                        core.abandon(1001, GOING_AWAY, Fate::Moved);
                    }
                }
                self.wait(deadline + GOODBYE, |registry| registry.len() == 0).await;
                for core in self.registry.all() {
                    core.change(|server, _| server.finish());
                }
            }
        }
        self.wait(deadline + GOODBYE, |registry| registry.connections() == 0)
            .await;
    }

    /// Ends all sessions without a word, as if the process had died without its store: connections are closed with 1001, clients
    /// that come back get new sessions, applications are handed back what was not taken. What has ended before is still
    /// remembered.
    pub fn forget(&self) {
        for core in self.registry.all() {
            core.abandon(1006, Server::LOST, Fate::Forget);
        }
    }

    async fn store_all(&self) {
        for core in self.registry.all() {
            core.leave_soon().await;
        }
    }

    async fn wait(&self, deadline: Instant, is_done: impl Fn(&Registry) -> bool) {
        loop {
            let mut change = pin!(self.registry.idle.notified());
            change.as_mut().enable();
            if is_done(&self.registry) || timeout_at(deadline, change).await.is_err() {
                return;
            }
        }
    }
}

impl<In, Out> Clone for Sessions<In, Out> {
    fn clone(&self) -> Self {
        Self {
            registry: self.registry.clone(),
            decode: self.decode.clone(),
            encode: self.encode.clone(),
        }
    }
}

impl<In, Out> fmt::Debug for Sessions<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

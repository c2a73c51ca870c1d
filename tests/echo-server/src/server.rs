//! The running server: started and stopped by the binary and by tests. What its parts share lives here too.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use tokio::{net::TcpListener, runtime::Handle, time};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Config, accept, durable::Durable, http, names::Names, origin::Origins};

/// A server that is accepting connections. Dropping it ends every connection without a word; [`stop`](Self::stop)
/// says goodbye first.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// Binds the address and starts to serve, on the Tokio runtime this is called from.
    ///
    /// # Errors
    ///
    /// When the address can't be bound, when an entry of `allow_origins` is no origin, or outside of a Tokio runtime.
    pub fn start(config: Config) -> io::Result<Self> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let origins =
            Origins::parse(&config.allow_origins).map_err(|text| io::Error::new(io::ErrorKind::InvalidInput, text))?;
        let listener = StdListener::bind((config.host.as_str(), config.port))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let addr = listener.local_addr()?;

        let shared = Arc::new(Shared::new(config, origins));
        let router = http::router(&shared);
        let tasks = shared.tasks.clone();
        tasks.spawn_on(accept::run(listener, shared.clone(), router), &runtime);
        Ok(Self { addr, shared })
    }

    /// The address it listens on, with the port that was picked if it was asked for port 0.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The WebSocket URL of a path on this server: `server.url("/echo")` is `ws://127.0.0.1:PORT/echo`.
    pub fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.addr)
    }

    /// Stops: accepts no more, closes every WebSocket with 1001, waits for the clients' answers for as long as
    /// `stop_timeout` says, and cuts whoever is left.
    pub async fn stop(self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        if time::timeout(self.shared.config.stop_timeout, self.shared.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                left = self.shared.tasks.len(),
                "cutting connections that did not end in time"
            );
            self.shared.kill.cancel();
            self.shared.tasks.wait().await;
        }
        self.shared.durable.stop().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.shared.kill.cancel();
        self.shared.durable.cut();
    }
}

/// What the tasks of one server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) origins: Origins,
    pub(crate) names: Names,
    pub(crate) durable: Durable,
    pub(crate) started: Instant,
    /// Cancelled when the server begins to stop: say goodbye.
    pub(crate) stop: CancellationToken,
    /// Cancelled when it has waited long enough: end at once.
    pub(crate) kill: CancellationToken,
    pub(crate) tasks: TaskTracker,
    open: AtomicUsize,
    accepted: AtomicU64,
}

impl Shared {
    fn new(config: Config, origins: Origins) -> Self {
        Self {
            durable: Durable::new(&config),
            config,
            origins,
            names: Names::default(),
            started: Instant::now(),
            stop: CancellationToken::new(),
            kill: CancellationToken::new(),
            tasks: TaskTracker::new(),
            open: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
        }
    }

    /// Takes up one of the `max_connections`, or says that there is none left.
    pub(crate) fn slot(self: &Arc<Self>) -> Option<Slot> {
        let max = self.config.max_connections;
        self.open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
                (open < max).then_some(open + 1)
            })
            .is_ok()
            .then(|| Slot { shared: self.clone() })
    }

    /// WebSockets open now, those about to open included.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// WebSockets opened since the start.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }
}

/// One WebSocket's place among `max_connections`, given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    shared: Arc<Shared>,
}

impl Slot {
    /// Counts the connection as opened.
    pub(crate) fn opened(&self) {
        self.shared.accepted.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.open.fetch_sub(1, Ordering::Relaxed);
    }
}

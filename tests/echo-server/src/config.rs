//! What a server can be told. `main.rs` fills it from the command line, a test by hand; `Server::start` reads it.

use std::{path::PathBuf, time::Duration};

/// The settings of a [`Server`](crate::Server).
///
/// ```
/// use tautline_echo::Config;
///
/// let config = Config { max_message: 1000, protocols: vec!["chat".into()], ..Config::default() };
/// assert_eq!(config.port, 0);
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// The address or host name to listen on. Default: `127.0.0.1`.
    pub host: String,
    /// The port to listen on; 0, the default, picks a free one, which [`Server::addr`](crate::Server::addr) tells.
    pub port: u16,
    /// The directory served under `/pkg/`: the npm package. Default: `pkg`.
    pub pkg: PathBuf,
    /// The directory served under `/`: the demo page. Default: `www`.
    pub www: PathBuf,
    /// The origins whose pages may use the server, as a browser spells them (`https://example.com`). Empty, the
    /// default: every loopback origin. Requests without an `Origin` come from no page and always pass.
    pub allow_origins: Vec<String>,
    /// The subprotocols the server knows; it selects the first one a client offers that is among them, in the handshake or, on a
    /// durable connection, in its HELLO. Default: none.
    pub protocols: Vec<String>,
    /// The largest message taken, in bytes; a larger one closes its connection with 1009, and a durable session with 4413.
    /// Default: 1 MiB.
    pub max_message: usize,
    /// How many WebSockets may be open at once; further upgrades are answered 503. Default: 10,000.
    pub max_connections: usize,
    /// How long the headers of an HTTP request may take to arrive, and the HELLO of a durable connection. Default: 5 s.
    pub handshake_timeout: Duration,
    /// How long the client of a plain connection may send nothing at all before that is closed with 1001; durable ones have the
    /// heartbeat. Default: `None`, forever.
    pub idle_timeout: Option<Duration>,
    /// How long a durable session outlives its connection. Default: 120 s.
    pub resume: Duration,
    /// How long the server is silent at most on a durable connection; zero: as long as it likes. Default: 15 s.
    pub heartbeat: Duration,
    /// How many positions may have arrived in a durable session and wait to be taken. Default: 1,024.
    pub window: u64,
    /// How many durable sessions there may be; one more is closed with 4429. Default: 10,000.
    pub max_sessions: usize,
    /// How long [`Server::stop`](crate::Server::stop) waits for clients to answer the close. Default: 3 s.
    pub stop_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 0,
            pkg: "pkg".into(),
            www: "www".into(),
            allow_origins: Vec::new(),
            protocols: Vec::new(),
            max_message: 1024 * 1024,
            max_connections: 10_000,
            handshake_timeout: Duration::from_secs(5),
            idle_timeout: None,
            resume: Duration::from_secs(120),
            heartbeat: Duration::from_secs(15),
            window: 1024,
            max_sessions: 10_000,
            stop_timeout: Duration::from_secs(3),
        }
    }
}

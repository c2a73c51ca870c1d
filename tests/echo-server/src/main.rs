//! The command `tautline-echo`: flags in, one line out, and a server in between. All else is in the library.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use tautline_echo::{Config, Server};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

/// A WebSocket echo server that misbehaves on request, for tests and the demo page
#[derive(Debug, Parser)]
#[command(
    name = "tautline-echo",
    version,
    after_help = "--help shows the paths, the faults and examples."
)]
#[command(after_long_help = include_str!("help.txt"))]
struct Flags {
    /// Port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 9010)]
    port: u16,
    /// Address or host name to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Directory served under /pkg/: the npm package
    #[arg(long, value_name = "DIR", default_value = "pkg")]
    pkg: PathBuf,
    /// Directory served under /: the demo page
    #[arg(long, value_name = "DIR", default_value = "www")]
    www: PathBuf,
    /// An origin whose pages may use the server; may be repeated
    ///
    /// Others are answered 403. Without this flag every loopback origin may: http and https, localhost, 127.0.0.0/8
    /// and [::1], any port. A request without an Origin comes from no page, and is always let in.
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// A subprotocol the server knows; may be repeated
    ///
    /// It selects the first one a client offers that it knows. Without this flag it selects none.
    #[arg(long, value_name = "NAME")]
    protocol: Vec<String>,
    /// Largest message taken; a larger one closes with 1009, on a durable connection with 4413
    #[arg(long, value_name = "BYTES", default_value_t = Config::default().max_message)]
    max_message: usize,
    /// WebSockets open at once; further upgrades are answered 503
    #[arg(long, value_name = "N", default_value_t = Config::default().max_connections)]
    max_connections: usize,
    /// How long the headers of a request may take to arrive, and the HELLO of a durable connection
    #[arg(long, value_name = "MS", default_value = "5000", value_parser = milliseconds)]
    handshake_timeout_ms: Duration,
    /// How long the client of a plain connection may send nothing, pings and pongs included, before it is closed with 1001;
    /// 0: forever. Durable ones have the heartbeat
    #[arg(long, value_name = "MS", default_value = "0", value_parser = milliseconds)]
    idle_timeout_ms: Duration,
    /// How long a durable session outlives its connection
    #[arg(long, value_name = "MS", default_value = "120000", value_parser = milliseconds)]
    resume_ms: Duration,
    /// How long the server is silent at most on a durable connection; 0: as long as it likes
    #[arg(long, value_name = "MS", default_value = "15000", value_parser = milliseconds)]
    heartbeat_ms: Duration,
    /// Positions that may have arrived in a durable session and wait to be taken
    #[arg(long, value_name = "POSITIONS", default_value_t = Config::default().window)]
    window: u64,
    /// Durable sessions at once; one more is closed with 4429
    #[arg(long, value_name = "N", default_value_t = Config::default().max_sessions)]
    max_sessions: usize,
    /// What to log, on stderr: a level, or targets with levels
    #[arg(long, value_name = "FILTER", default_value = "info", env = "RUST_LOG")]
    log: Targets,
}

fn milliseconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}

impl Flags {
    fn config(self) -> Config {
        Config {
            host: self.host,
            port: self.port,
            pkg: self.pkg,
            www: self.www,
            allow_origins: self.allow_origin,
            protocols: self.protocol,
            max_message: self.max_message,
            max_connections: self.max_connections,
            handshake_timeout: self.handshake_timeout_ms,
            idle_timeout: Some(self.idle_timeout_ms).filter(|timeout| !timeout.is_zero()),
            resume: self.resume_ms,
            heartbeat: self.heartbeat_ms,
            window: self.window,
            max_sessions: self.max_sessions,
            ..Config::default()
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    let colours = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(colours)
        .with_target(false);
    tracing_subscriber::registry().with(log).with(flags.log.clone()).init();
    let place = format!("{}:{}", flags.host, flags.port);
    match serve(flags.config()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("can't serve on {place}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config) -> io::Result<()> {
    // Before the line: whoever has read it may send a signal at once.
    let mut signals = Signals::new()?;
    let server = Server::start(config)?;
    // Nobody may be reading, which is no reason not to serve.
    let mut stdout = io::stdout();
    let _ = writeln!(stdout, "listening on http://{}", server.addr()).and_then(|()| stdout.flush());
    signals.next().await;
    tracing::info!("stopping");
    server.stop().await;
    Ok(())
}

/// The signals that ask a process to end.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

//! Sessions that do nothing but live: what each costs the server in memory.

use std::cell::Cell;
use std::fmt;
use std::net::Ipv4Addr;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};
use tautline::session::PROTOCOL;
use tokio::runtime;
use tokio::task::{self, JoinSet};

use super::durable::Durable;
use super::flags;
use super::numbers::grouped;
use super::server::{Server, allow_files, built, echo};
use super::texts::Texts;
use super::wire::Wire;

/// So many may connect at the same time.
const AT_ONCE: u32 = 64;
/// So many connections come from one address.
const PER_ADDRESS: u32 = 5000;
/// Open files beside the connections.
const OTHER_FILES: u64 = 100;
const MEGABYTE: f64 = 1e6;
/// How often it is looked whether all have come so far.
const LOOK: Duration = Duration::from_millis(20);
/// How much later than due the last of them may be.
const PATIENCE: Duration = Duration::from_secs(60);

/// What each session has echoed before it falls idle: messages, and bytes of each. One that never talked costs less.
const GREETING: usize = 10;
const GREETING_BYTES: usize = 100;

/// How many sessions, and for how long.
#[derive(Args, Clone, Debug)]
pub(crate) struct Crowd {
    /// Sessions, each with its connection
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    sessions: u32,
    /// The server's heartbeat
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(100..))]
    heartbeat_ms: u32,
    /// How many heartbeats each session is held through
    #[arg(long, default_value_t = 2)]
    beats: u32,
    /// How much memory the server may have for all of it, in megabytes
    #[arg(long, default_value_t = 200.0)]
    megabytes: f64,
}

impl Default for Crowd {
    fn default() -> Self {
        flags::defaults()
    }
}

/// The server's memory, in bytes.
pub(crate) struct Cost {
    crowd: Crowd,
    before: u64,
    connected: u64,
    held: u64,
    peak: u64,
}

/// How far the sessions are.
#[derive(Default)]
struct Progress {
    /// Those that have their echoes.
    greeted: Cell<u32>,
    /// Those that have been held long enough.
    held: Cell<u32>,
}

pub(crate) fn run(server: Option<&Path>, crowd: &Crowd) -> Result<Cost> {
    allow_files(u64::from(crowd.sessions) + OTHER_FILES)?;
    let most = crowd.sessions.to_string();
    let mut command = echo(&built(server)?);
    command.args(["--max-connections", &most, "--max-sessions", &most]);
    command.args(["--heartbeat-ms", &crowd.heartbeat_ms.to_string()]);
    let server = Server::start(&mut command)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    task::LocalSet::new().block_on(&runtime, measure(&server, crowd))
}

async fn measure(server: &Server, crowd: &Crowd) -> Result<Cost> {
    let (before, _) = server.memory()?;
    let url = format!("ws://{}/echo", server.address());
    let progress = Rc::new(Progress::default());
    let mut sessions = JoinSet::new();
    for n in 0..crowd.sessions {
        let from = address(n / PER_ADDRESS);
        sessions.spawn_local(hold(url.clone(), from, crowd.beats, progress.clone()));
        let asked = n + 1;
        until(&mut sessions, PATIENCE, || asked - progress.greeted.get() < AT_ONCE).await?;
    }
    until(&mut sessions, PATIENCE, || progress.greeted.get() == crowd.sessions).await?;
    let (connected, _) = server.memory()?;
    eprintln!("{} sessions connected: {} MB", crowd.sessions, megabytes(connected));
    let long = Duration::from_millis(u64::from(crowd.heartbeat_ms)) * crowd.beats + PATIENCE;
    until(&mut sessions, long, || progress.held.get() == crowd.sessions).await?;
    let (held, peak) = server.memory()?;
    Ok(Cost {
        crowd: crowd.clone(),
        before,
        connected,
        held,
        peak,
    })
}

/// Waits for a condition, as long as no session ends.
async fn until(
    sessions: &mut JoinSet<Result<()>>,
    patience: Duration,
    mut condition: impl FnMut() -> bool,
) -> Result<()> {
    let deadline = Instant::now() + patience;
    while !condition() {
        if Instant::now() > deadline {
            bail!("not all sessions came so far in {} s", patience.as_secs());
        }
        tokio::select! {
            Some(ended) = sessions.join_next() => ended??,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    Ok(())
}

/// Holds one session, for ever.
async fn hold(url: String, from: Ipv4Addr, beats: u32, progress: Rc<Progress>) -> Result<()> {
    let mut wire = Wire::open(&url, Some(PROTOCOL), from).await.context("connecting")?;
    let mut session = Durable::new(Texts::new(GREETING_BYTES), &mut wire);
    session.send(GREETING, &mut wire)?;
    let (mut is_counted, mut is_held) = (false, false);
    loop {
        if session.received() >= GREETING as u64 && !std::mem::replace(&mut is_counted, true) {
            progress.greeted.set(progress.greeted.get() + 1);
        }
        if is_counted && session.pings() >= u64::from(beats) && !std::mem::replace(&mut is_held, true) {
            progress.held.set(progress.held.get() + 1);
        }
        session.send(0, &mut wire)?;
        wire.exchange().await?;
        while let Some((opcode, payload)) = wire.next()? {
            session.receive(opcode, payload)?;
        }
    }
}

/// One of the addresses that lead to this machine.
fn address(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + n)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / MEGABYTE)
}

impl Cost {
    /// Whether the server stayed below what it may have, all the time.
    pub(crate) fn is_met(&self) -> bool {
        (self.peak as f64) < self.crowd.megabytes * MEGABYTE
    }

    /// Bytes of each session, with all that the server has for its connection.
    fn each(&self) -> f64 {
        self.held.saturating_sub(self.before) as f64 / f64::from(self.crowd.sessions)
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "sessions": self.crowd.sessions,
            "heartbeats": self.crowd.beats,
            "before": self.before,
            "connected": self.connected,
            "held": self.held,
            "peak": self.peak,
            "each": self.each(),
            "met": self.is_met(),
        })
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Crowd { sessions, beats, .. } = self.crowd;
        let [before, connected, held, peak] = [self.before, self.connected, self.held, self.peak].map(megabytes);
        writeln!(
            f,
            "{} idle durable sessions, each with {GREETING} messages behind it, through {beats} heartbeats",
            grouped(f64::from(sessions))
        )?;
        writeln!(f, "{:<24}{:>14} MB", "server alone", before)?;
        writeln!(f, "{:<24}{:>14} MB", "connected", connected)?;
        writeln!(f, "{:<24}{:>14} MB", "after the heartbeats", held)?;
        writeln!(f, "{:<24}{:>14} MB", "at most", peak)?;
        writeln!(f, "{:<24}{:>14} bytes", "each session", grouped(self.each()))?;
        let verdict = if self.is_met() { "met" } else { "missed" };
        write!(f, "Below {:.0} MB: {verdict}", self.crowd.megabytes)
    }
}

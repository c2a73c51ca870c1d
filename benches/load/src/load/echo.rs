//! One load: connections that keep so many messages in flight each, for so long, and check every echo.

use std::cell::Cell;
use std::fmt;
use std::net::Ipv4Addr;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};
use tautline::session::PROTOCOL;
use tokio::runtime;
use tokio::task::{self, JoinSet};

use super::durable::Durable;
use super::flags;
use super::numbers::grouped;
use super::plain::Plain;
use super::server::{Cores, Server, Subject, built};
use super::texts::Texts;
use super::wire::Wire;

/// Before anything is counted.
const WARM_UP: Duration = Duration::from_millis(300);
/// How often it is looked whether so many messages are back.
const LOOK: Duration = Duration::from_millis(5);

/// What a server has to do.
#[derive(Args, Clone, Debug)]
pub(crate) struct Load {
    /// Connections
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..10_000))]
    pub(crate) connections: u32,
    /// Messages of each that are sent and not yet back
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) in_flight: u32,
    /// Size of a message
    #[arg(long, default_value_t = 100)]
    pub(crate) bytes: usize,
    /// How long, after a warm-up
    #[arg(long, default_value_t = 2.0)]
    pub(crate) seconds: f64,
    /// How many messages, whatever time they take
    #[arg(long, conflicts_with = "seconds")]
    pub(crate) messages: Option<u64>,
}

impl Default for Load {
    fn default() -> Self {
        flags::defaults()
    }
}

impl Load {
    /// Large messages, as many as memory has room for without a thought.
    pub(crate) fn large() -> Self {
        Self {
            connections: 4,
            in_flight: 20,
            bytes: 64 * 1024,
            ..Self::default()
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) messages: u64,
    pub(crate) time: Duration,
    /// The server's, where it is ours.
    pub(crate) processor_time: Option<Duration>,
}

impl Sample {
    pub(crate) fn rate(&self) -> f64 {
        self.messages as f64 / self.time.as_secs_f64()
    }

    /// Microseconds of the server's processor per message.
    pub(crate) fn cost(&self) -> Option<f64> {
        let time = self.processor_time?;
        Some(time.as_secs_f64() * 1e6 / self.messages as f64)
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "messages": self.messages, "seconds": self.time.as_secs_f64(), "rate": self.rate(), "cost": self.cost() })
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} messages/s", grouped(self.rate()))?;
        match self.cost() {
            Some(cost) => write!(f, ", {cost:.3} µs of the server's processor per message"),
            None => Ok(()),
        }
    }
}

/// Runs it once: on the server of the URL, or on one of its own.
pub(crate) fn run(server: Option<&Path>, subject: Subject, url: Option<&str>, load: &Load) -> Result<Sample> {
    if let Some(url) = url {
        return once(subject, url, None, load);
    }
    let (server, cores) = (built(server)?, Cores::divide()?);
    let server = cores.start(|| subject.start(&server))?;
    once(subject, &format!("ws://{}/echo", server.address()), Some(&server), load)
}

/// Runs it on a server.
pub(crate) fn once(subject: Subject, url: &str, server: Option<&Server>, load: &Load) -> Result<Sample> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    task::LocalSet::new().block_on(&runtime, measure(subject, url, server, load))
}

async fn measure(subject: Subject, url: &str, server: Option<&Server>, load: &Load) -> Result<Sample> {
    let echoed = Rc::new(Cell::new(0));
    let texts = Texts::new(load.bytes);
    let mut connections = JoinSet::new();
    for _ in 0..load.connections {
        let protocol = (subject == Subject::Durable).then_some(PROTOCOL);
        let mut wire = Wire::open(url, protocol, Ipv4Addr::LOCALHOST)
            .await
            .context(url.to_owned())?;
        let talk = if subject == Subject::Durable {
            Talk::Durable(Box::new(Durable::new(texts.clone(), &mut wire)))
        } else {
            Talk::Plain(Plain::new(texts.clone()))
        };
        connections.spawn_local(echo(wire, talk, load.in_flight as usize, echoed.clone()));
    }
    let counting = async {
        tokio::time::sleep(WARM_UP).await;
        let processor_time = || server.map(Server::processor_time).transpose();
        let (start, before, used) = (Instant::now(), echoed.get(), processor_time()?);
        match load.messages {
            None => tokio::time::sleep(Duration::from_secs_f64(load.seconds)).await,
            Some(messages) => {
                while echoed.get() - before < messages {
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
        let processor_time = processor_time()?.zip(used).map(|(now, then)| now.saturating_sub(then));
        Ok(Sample {
            messages: echoed.get() - before,
            time: start.elapsed(),
            processor_time,
        })
    };
    tokio::select! {
        sample = counting => sample,
        Some(ended) = connections.join_next() => match ended? {
            Ok(never) => match never {},
            Err(error) => Err(error),
        },
    }
}

enum Never {}

/// How a connection is talked over.
enum Talk {
    Plain(Plain),
    Durable(Box<Durable>),
}

/// Keeps so many messages in flight, until it is dropped.
async fn echo(mut wire: Wire, mut talk: Talk, in_flight: usize, echoed: Rc<Cell<u64>>) -> Result<Never> {
    let mut room = in_flight;
    loop {
        match &mut talk {
            Talk::Plain(plain) => plain.send(room, &mut wire),
            Talk::Durable(durable) => durable.send(room, &mut wire)?,
        }
        wire.exchange().await?;
        room = 0;
        while let Some((opcode, payload)) = wire.next()? {
            room += match &mut talk {
                Talk::Plain(plain) => plain.receive(opcode, payload)?,
                Talk::Durable(durable) => durable.receive(opcode, payload)?,
            };
        }
        echoed.set(echoed.get() + room as u64);
        task::consume_budget().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_echo_is_counted_plain_and_durable() {
        let runtime = runtime::Runtime::new().unwrap();
        let server = runtime.block_on(async { tautline_echo::Server::start(tautline_echo::Config::default()) });
        let server = server.unwrap();
        for (bytes, in_flight) in [(0, 1), (100, 3000), (70_000, 20)] {
            let load = Load {
                connections: 2,
                in_flight,
                bytes,
                messages: Some(2000),
                ..Load::default()
            };
            for subject in [Subject::Plain, Subject::Durable] {
                let sample = once(subject, &server.url("/echo"), None, &load).unwrap();
                assert!(sample.messages >= 2000, "{subject:?}, {bytes}: {sample:?}");
            }
        }
    }
}

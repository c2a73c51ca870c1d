//! The three servers side by side, in turns, and how they compare.

use std::fmt;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::echo::{self, Load, Sample};
use super::numbers::{grouped, median};
use super::server::{Cores, Subject, built};

/// What tautline-echo has to reach of the plain server's messages a second, and of its messages a second of processor time.
const BAR: f64 = 1.0;
/// The largest message, in bytes, that the bar is for.
const SMALL: usize = 4096;

pub(crate) struct Comparison {
    load: Load,
    /// Of each round, in the order of [`Subject::ALL`].
    rounds: Vec<[Sample; 3]>,
}

pub(crate) fn run(server: Option<&Path>, load: &Load, rounds: u32) -> Result<Comparison> {
    let (server, cores) = (built(server)?, Cores::divide()?);
    let mut comparison = Comparison {
        load: load.clone(),
        rounds: Vec::new(),
    };
    for round in 0..rounds {
        let mut samples = [None; 3];
        // Nobody always comes first, or after the same one.
        for turn in 0..3 {
            let place = if round % 2 == 0 { turn } else { 2 - turn };
            let subject = Subject::ALL[place];
            let process = cores.start(|| subject.start(&server))?;
            let url = format!("ws://{}/echo", process.address());
            let sample = echo::once(subject, &url, Some(&process), load)?;
            eprintln!("round {} of {rounds}: {}: {sample}", round + 1, subject.name());
            samples[place] = Some(sample);
        }
        if let [Some(baseline), Some(plain), Some(durable)] = samples {
            comparison.rounds.push([baseline, plain, durable]);
        }
    }
    Ok(comparison)
}

impl Comparison {
    /// Whether a core of tautline-echo does as much as one of a plain server, plain and durable. By its processor time, too: where
    /// the load is what can do no more, all are as fast. Large messages have no bar.
    pub(crate) fn is_met(&self) -> bool {
        let reaches = |place| self.ratio(place) >= BAR && self.ratio_by_processor(place) >= BAR;
        !self.has_bar() || (reaches(1) && reaches(2))
    }

    const fn has_bar(&self) -> bool {
        self.load.bytes <= SMALL
    }

    pub(crate) fn json(&self) -> Value {
        let subjects: Vec<Value> = (0..Subject::ALL.len())
            .map(|place| {
                json!({
                    "name": Subject::ALL[place].name(),
                    "rate": self.rate(place),
                    "cost": self.cost(place),
                    "ratio": self.ratio(place),
                    "ratioByProcessor": self.ratio_by_processor(place),
                    "rounds": self.rounds.iter().map(|round| round[place].json()).collect::<Vec<_>>(),
                })
            })
            .collect();
        let Load {
            connections,
            in_flight,
            bytes,
            ..
        } = self.load;
        let met = self.has_bar().then(|| self.is_met());
        json!({ "connections": connections, "inFlight": in_flight, "bytes": bytes, "subjects": subjects, "met": met })
    }

    fn rate(&self, place: usize) -> f64 {
        median(self.rounds.iter().map(|round| round[place].rate()))
    }

    fn cost(&self, place: usize) -> f64 {
        median(self.rounds.iter().filter_map(|round| round[place].cost()))
    }

    /// To the plain server's messages a second, within each round.
    fn ratio(&self, place: usize) -> f64 {
        median(self.rounds.iter().map(|round| round[place].rate() / round[0].rate()))
    }

    /// To the plain server's messages by processor time, within each round.
    fn ratio_by_processor(&self, place: usize) -> f64 {
        let ratio = |round: &[Sample; 3]| Some(round[0].cost()? / round[place].cost()?);
        median(self.rounds.iter().filter_map(ratio))
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Load {
            connections,
            in_flight,
            bytes,
            ..
        } = self.load;
        writeln!(
            f,
            "Echo of {bytes} bytes, {connections} connections with {in_flight} in flight each, on one core; medians of {} rounds",
            self.rounds.len()
        )?;
        let head = ["messages/s", "ratio", "µs/message", "ratio"];
        writeln!(
            f,
            "{:<24}{:>14}{:>8}{:>14}{:>8}",
            "", head[0], head[1], head[2], head[3]
        )?;
        for (place, subject) in Subject::ALL.into_iter().enumerate() {
            writeln!(
                f,
                "{:<24}{:>14}{:>8.2}{:>14.3}{:>8.2}",
                subject.name(),
                grouped(self.rate(place)),
                self.ratio(place),
                self.cost(place),
                self.ratio_by_processor(place)
            )?;
        }
        if !self.has_bar() {
            return write!(
                f,
                "No bar: a durable session copies each message into its frame and out of it, and is behind with large ones"
            );
        }
        let verdict = if self.is_met() { "met" } else { "missed" };
        write!(
            f,
            "At least {BAR:.2} of tokio-tungstenite's, plain and durable, by time and by the server's processor time: {verdict}"
        )
    }
}

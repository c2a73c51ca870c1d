//! The command line, and which module does the work.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use serde_json::{Value, json};

use super::echo::{self, Load};
use super::server::Subject;
use super::{baseline, compare, idle};

/// Put tautline-echo under load, and say what that costs the server
#[derive(Debug, Parser)]
#[command(name = "tautline-load", version, max_term_width = 100)]
#[command(
    after_help = "Without a command: `compare`, small messages and then ones of 64 KiB, and `idle`; the exit status is 1 \
                        where a bar is missed.\n\nExamples:\n  cargo run --release -p tautline-load\n  \
                        cargo run --release -p tautline-load -- --json compare --rounds 9\n  \
                        cargo run --release -p tautline-load -- idle --sessions 1000 --heartbeat-ms 1000\n  \
                        cargo run --release -p tautline-load -- echo durable --in-flight 1 --connections 1\n  \
                        cargo run --release -p tautline-load -- echo plain --url ws://127.0.0.1:9010/echo"
)]
struct Flags {
    /// Print one JSON object instead of the table
    #[arg(long, global = true)]
    json: bool,
    /// The server to start; without it cargo builds it first
    #[arg(long, global = true, value_name = "PATH")]
    server: Option<PathBuf>,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Echo: a plain tokio-tungstenite server, tautline-echo plain, and tautline-echo durable, side by side
    ///
    /// Each server has one core to itself, and the load all others, so that what it can do is messages a second of one core.
    /// Beside it stands the processor time per message, from /proc, which holds even where the load can't keep the core busy. Both
    /// ratios, to the plain server, are above 1 where tautline-echo does more.
    /// The three take turns, each round with new processes; medians of the rounds, and of the ratios within each.
    Compare {
        #[command(flatten)]
        load: Load,
        /// How often each has its turn
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
    /// Hold durable sessions through heartbeats, and say how much memory the server has for them
    Idle {
        #[command(flatten)]
        crowd: idle::Crowd,
    },
    /// Echo with one of the three
    Echo {
        /// Who answers, and how it is talked to
        #[arg(value_enum)]
        subject: Subject,
        /// A server that runs already; its processor time is not told
        #[arg(long)]
        url: Option<String>,
        #[command(flatten)]
        load: Load,
    },
    /// Be the plain tokio-tungstenite echo server, on a free port
    ServePlain,
}

pub(crate) fn run() -> ExitCode {
    let flags = Flags::parse();
    match carry_out(&flags) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether no bar was missed.
fn carry_out(flags: &Flags) -> Result<bool> {
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build, and so would be the servers: use `cargo run --release`");
    }
    let server = flags.server.as_deref();
    let tell = |value: &Value, text: &str| {
        if flags.json {
            println!("{value}");
        } else {
            println!("{text}");
        }
    };
    match &flags.action {
        None => {
            let echo = compare::run(server, &Load::default(), 5)?;
            if !flags.json {
                println!("{echo}\n");
            }
            let large = compare::run(server, &Load::large(), 5)?;
            if !flags.json {
                println!("{large}\n");
            }
            let idle = idle::run(server, &idle::Crowd::default())?;
            let all = json!({ "echo": echo.json(), "large": large.json(), "idle": idle.json() });
            tell(&all, &idle.to_string());
            Ok(echo.is_met() && idle.is_met())
        }
        Some(Action::Compare { load, rounds }) => {
            let echo = compare::run(server, load, *rounds)?;
            tell(&echo.json(), &echo.to_string());
            Ok(echo.is_met())
        }
        Some(Action::Idle { crowd }) => {
            let idle = idle::run(server, crowd)?;
            tell(&idle.json(), &idle.to_string());
            Ok(idle.is_met())
        }
        Some(Action::Echo { subject, url, load }) => {
            let sample = echo::run(server, *subject, url.as_deref(), load)?;
            tell(&sample.json(), &sample.to_string());
            Ok(true)
        }
        Some(Action::ServePlain) => baseline::run().map(|()| true),
    }
}

/// The defaults of flags, for whoever takes them as they are.
pub(crate) fn defaults<T: Args>() -> T {
    #[derive(Parser)]
    struct Only<T: Args> {
        #[command(flatten)]
        flags: T,
    }
    Only::parse_from(["tautline-load"]).flags
}

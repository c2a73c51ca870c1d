//! The project's commands, run as `cargo xtask …`: the flags, and which module does the work.
//!
//! - setup: finds and installs the tools. Every command checks the ones it needs.
//! - package: builds the npm package in `pkg/`.
//! - size: what the package costs a page.
//! - bench: how fast it is, beside its peers.
//! - demo: serves the demo page.
//! - fuzz: damages frames of sessions for as long as one likes.
//! - test: runs the tests, in parts.
//! - server, process, project, report: what these share.

mod bench;
mod demo;
mod fuzz;
mod package;
mod process;
mod project;
mod report;
mod server;
mod setup;
mod size;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::test::{Browser, Part};

/// The project's commands. Each installs what it needs and is missing
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
struct Flags {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Find or install every tool that the other commands need
    ///
    /// Tools come through rustup, cargo, npm and apt. One that is there in another version than needed is left alone;
    /// ours then goes into a cache folder (XDG_CACHE_HOME or ~/.cache, under tautline).
    #[command(after_help = "Example:\n  cargo xtask setup")]
    Setup,
    /// Build the npm package in pkg/
    ///
    /// Does nothing when pkg/ was made from what is there now.
    #[command(after_help = "Example:\n  cargo xtask build && npm pack ./pkg")]
    Build,
    /// Print what the npm package costs a page: each entry minified, raw and compressed
    ///
    /// Fails where it is more than the budget.
    Size,
    /// Measure Tautline beside its peers, in real browsers
    ///
    /// Builds and installs what that needs, runs for some 70 minutes, prints a table, and writes benches/results.md with its
    /// charts. A run of less writes neither.
    #[command(after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench --quick\n  \
                            cargo xtask bench --only echo,round-trip --clients websocket,tautline-durable")]
    Bench(bench::Choice),
    /// Build the package and the server, and serve the demo page until Ctrl-C
    ///
    /// The last line it prints is the page's address.
    #[command(after_help = "Examples:\n  cargo xtask demo\n  cargo xtask demo --port 0     any free port")]
    Demo {
        /// Port to serve on; 0 picks a free one
        #[arg(long, default_value_t = server::DEFAULT_PORT)]
        port: u16,
    },
    /// Feed damaged frames and conversations to both halves of durable sessions
    ///
    /// What does harm is written to tests/corpus/frames/, which the tests run every time.
    #[command(after_help = "Example:\n  cargo xtask fuzz --minutes 10")]
    Fuzz {
        /// How long
        #[arg(long, default_value_t = 1)]
        minutes: u64,
    },
    /// Run the tests, all of them or the named parts
    ///
    /// The last line it prints is `N passed, N failed`. A part that can't run counts as one failed test.
    #[command(after_help = "Examples:\n  cargo xtask test\n  cargo xtask test native page\n  \
                            cargo xtask test browser --browser firefox")]
    Test {
        /// The parts to run, in this order; none: all
        parts: Vec<Part>,
        /// Run browser tests in this browser only; may be repeated
        #[arg(long = "browser", value_name = "BROWSER")]
        browsers: Vec<Browser>,
    },
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    match process::catch_signals().and_then(|()| run(flags.command)) {
        Ok(status) => ExitCode::from(status),
        Err(_) if process::interrupted() => {
            eprintln!("interrupted");
            ExitCode::from(process::INTERRUPTED)
        }
        Err(error) => {
            report::error(&error);
            ExitCode::FAILURE
        }
    }
}

/// The exit status of a command.
fn run(action: Action) -> Result<u8> {
    match action {
        Action::Setup => {
            let tools = setup::everything()?;
            setup::prepare(&tools)?.require(&tools)?;
            println!("everything is there");
            Ok(0)
        }
        Action::Build => {
            let toolbox = setup::prepare(&setup::BUILD)?;
            package::build(&toolbox)?;
            Ok(0)
        }
        Action::Size => {
            size::size()?;
            Ok(0)
        }
        Action::Bench(choice) => {
            bench::bench(&choice)?;
            Ok(0)
        }
        Action::Demo { port } => demo::demo(port),
        Action::Fuzz { minutes } => {
            fuzz::fuzz(minutes)?;
            Ok(0)
        }
        Action::Test { parts, browsers } => Ok(u8::from(!test::test(&parts, &browsers)?)),
    }
}

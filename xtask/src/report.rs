//! What the commands say on the terminal: numbered steps, plain notes, colours where someone looks. Called by every
//! command; nothing here decides anything.

use std::env;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Numbered steps: `[3/9] wasm-pack … ok (0.15.1)`.
pub(crate) struct Steps {
    total: usize,
    done: usize,
}

/// One step under way; it ends by `ok` or `failed`.
pub(crate) struct Step {
    started: Instant,
    installing: bool,
    shown: Duration,
}

impl Steps {
    pub(crate) fn new(total: usize) -> Self {
        Self { total, done: 0 }
    }

    /// Announces the next step.
    pub(crate) fn begin(&mut self, name: &str) -> Step {
        self.done += 1;
        print!("{} {name} … ", dim(format_args!("[{}/{}]", self.done, self.total)));
        flush();
        Step {
            started: Instant::now(),
            installing: false,
            shown: Duration::ZERO,
        }
    }
}

impl Step {
    /// Says that something is being installed, and how long that takes on an ordinary machine.
    pub(crate) fn installing(&mut self, what: &str, expected: &str) {
        if !self.installing {
            println!("installing, {expected}");
        }
        self.installing = true;
        self.started = Instant::now();
        self.shown = Duration::ZERO;
        println!("      {}", dim(what));
    }

    /// Shows that time goes on: each second in place on a terminal, each half minute in a log.
    pub(crate) fn tick(&mut self, elapsed: Duration) {
        if io::stdout().is_terminal() {
            print!("\r      {} s ", elapsed.as_secs());
            flush();
        } else if elapsed >= self.shown + Duration::from_secs(30) {
            println!("      still at it after {} s", elapsed.as_secs());
            self.shown = elapsed;
        }
    }

    /// Ends the step well.
    pub(crate) fn ok(self, detail: &str) {
        if self.installing {
            self.fresh_line();
            println!(
                "      {} ({detail}) in {}",
                green("installed"),
                seconds(self.started.elapsed())
            );
        } else {
            println!("{} ({detail})", green("ok"));
        }
    }

    /// Ends the step badly, with the reason.
    pub(crate) fn failed(self, error: &anyhow::Error) {
        if self.installing {
            self.fresh_line();
            print!("      ");
        }
        println!("{}", red("failed"));
        println!("      {}", format!("{error:#}").replace('\n', "\n      "));
    }

    fn fresh_line(&self) {
        if io::stdout().is_terminal() {
            print!("\r");
        }
    }
}

/// The heading of a part of the work.
pub(crate) fn heading(text: &str) {
    println!("\n{}", bold(format_args!("== {text}")));
}

/// A remark that is no failure.
pub(crate) fn note(text: &str) {
    println!("{}", dim(text));
}

/// An error and its causes, on standard error.
pub(crate) fn error(error: &anyhow::Error) {
    eprintln!(
        "{}: {error:#}",
        if coloured() { "\x1b[1;31merror\x1b[0m" } else { "error" }
    );
}

/// A duration as people say it.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

pub(crate) fn bold(text: impl Display) -> String {
    paint("1", text)
}

pub(crate) fn dim(text: impl Display) -> String {
    paint("2", text)
}

pub(crate) fn green(text: impl Display) -> String {
    paint("32", text)
}

pub(crate) fn red(text: impl Display) -> String {
    paint("1;31", text)
}

/// Whether to colour: on a terminal, unless NO_COLOR says no.
pub(crate) fn coloured() -> bool {
    let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    !unwanted && !dumb && io::stdout().is_terminal()
}

fn paint(code: &str, text: impl Display) -> String {
    if coloured() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_string()
    }
}

fn flush() {
    // A closed terminal is no reason to fail.
    let _ = io::stdout().flush();
}

//! `cargo xtask test`: runs the parts one after the other, then says what each counted. Called by main.rs.

mod browser;
mod count;
mod native;
mod node;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::ValueEnum;

pub(crate) use self::browser::Browser;
use self::count::Count;
use crate::package;
use crate::process;
use crate::report::{self, bold, green, red};
use crate::server;
use crate::setup::{self, BUILD, Tool, Toolbox};

/// One kind of tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Everything that cargo tests on this machine
    Native,
    /// The library in headless Chromium, Firefox and WebKit
    Browser,
    /// The npm package, as its users install it
    Package,
    /// The demo page in Chromium
    Page,
    /// In which order the bench measures, and what it makes of its figures
    Report,
}

/// How one line of the table came out.
struct Outcome {
    name: String,
    count: Count,
    took: Duration,
    /// Why it is bad, where the counts alone don't say.
    remark: Option<String>,
}

/// Runs `parts`, or all of them when it is empty. True when every test passed.
pub(crate) fn test(parts: &[Part], browsers: &[Browser]) -> Result<bool> {
    let parts = if parts.is_empty() {
        Part::value_variants()
    } else {
        parts
    };
    let browsers = if browsers.is_empty() {
        Browser::value_variants()
    } else {
        browsers
    };
    let toolbox = setup::prepare(&needs(parts, browsers))?;

    let mut outcomes = Vec::new();
    for part in parts {
        report::heading(&format!("test {}", part.name()));
        match part {
            Part::Native => outcomes.push(attempt("native", || native::run(&toolbox))),
            Part::Browser => outcomes.extend(browser::run(&toolbox, browsers)),
            Part::Package => outcomes.push(attempt("package", || packaged(&toolbox, "package"))),
            Part::Page => outcomes.push(attempt("page", || packaged(&toolbox, "page"))),
            Part::Report => outcomes.push(attempt("report", || node::run_report(&toolbox))),
        }
        if process::interrupted() {
            bail!("interrupted");
        }
    }
    Ok(summarize(&outcomes))
}

/// The tools for `parts`, each once.
fn needs(parts: &[Part], browsers: &[Browser]) -> Vec<Tool> {
    let mut needs: Vec<Tool> = Vec::new();
    for part in parts {
        let tools = match part {
            Part::Native => Vec::new(),
            Part::Browser => browser::needs(browsers),
            Part::Package | Part::Page => node::needs(part.name()),
            Part::Report => vec![Tool::Node],
        };
        needs.extend(tools);
    }
    let mut once = Vec::new();
    for tool in needs {
        if !once.contains(&tool) {
            once.push(tool);
        }
    }
    once
}

/// Tests written for Node, against the built package and the built server.
fn packaged(toolbox: &Toolbox, suite: &str) -> Result<Count> {
    toolbox.require(&node::needs(suite))?;
    package::build(toolbox)?;
    let server = server::build(toolbox)?;
    node::run(toolbox, suite, &server)
}

/// Runs one part. A part that can't run, fails without a count, or counts nothing is one failed test.
fn attempt(name: &str, part: impl FnOnce() -> Result<Count>) -> Outcome {
    let started = Instant::now();
    let (mut count, mut remark) = match part() {
        Ok(count) => (count, None),
        Err(error) => {
            report::error(&error);
            (
                Count {
                    failed: 1,
                    ..Count::default()
                },
                Some("could not run, see above".to_owned()),
            )
        }
    };
    if count.passed + count.failed == 0 {
        count.failed = 1;
        remark = Some("ran no tests".to_owned());
    }
    Outcome {
        name: name.to_owned(),
        count,
        took: started.elapsed(),
        remark,
    }
}

/// The table, and below it the last line, which programs read. True when nothing failed.
fn summarize(outcomes: &[Outcome]) -> bool {
    report::heading("summary");
    let mut total = Count::default();
    for outcome in outcomes {
        let Outcome {
            name,
            count,
            took,
            remark,
        } = outcome;
        total.add(*count);
        let counts = format!(
            "{} passed, {} failed, {} ignored",
            count.passed, count.failed, count.ignored
        );
        let counts = if count.failed == 0 { green(counts) } else { red(counts) };
        let remark = remark.as_ref().map(|remark| format!("  {remark}")).unwrap_or_default();
        println!(
            "{} {counts} in {}{remark}",
            bold(format_args!("{name:<10}")),
            report::seconds(*took)
        );
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    total.failed == 0
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Browser => "browser",
            Self::Package => "package",
            Self::Page => "page",
            Self::Report => "report",
        }
    }
}

/// What the tests for Node need besides their own folder.
fn package_tools() -> Vec<Tool> {
    let mut tools = BUILD.to_vec();
    tools.push(Tool::Chromium);
    tools
}

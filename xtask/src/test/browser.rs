//! `cargo xtask test browser`: the library's `tests/web_*.rs` in real browsers, through wasm-pack, against the echo server,
//! and where it is about delivery against the npm package's server, too. Called by test.
//!
//! `webdriver.json` at the workspace root sets the browsers up. It is for tests on this machine alone: it turns
//! Chromium's sandbox off, which root needs, and its background traffic, which would disturb the tests; and it turns off
//! Firefox's pause before it reconnects, up to a minute after an unclean close.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;

use super::count::{self, Count};
use super::{Outcome, attempt};
use crate::package;
use crate::process;
use crate::project;
use crate::report;
use crate::server::{self, DEFAULT_CHAOS_PORT, DEFAULT_PORT, NODE_CHAOS_PORT, NODE_PORT, Server};
use crate::setup::{BUILD, Tool, Toolbox, WEBKIT_DRIVER, is_root};

/// For one test binary in one browser; compiling it the first time is in it.
const LIMIT: Duration = Duration::from_secs(15 * 60);
/// For the tests of one binary, in seconds. The runner's own limit is 20.
const TEST_TIMEOUT: &str = "180";
/// For a driver to start, in seconds: a machine that has just compiled may be slow.
const DRIVER_TIMEOUT: &str = "60";

/// A browser that the tests run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Browser {
    Chromium,
    Firefox,
    Webkit,
}

impl Browser {
    fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::Webkit => "webkit",
        }
    }
}

pub(super) fn needs(browsers: &[Browser]) -> Vec<Tool> {
    // The package, and what its server runs in.
    let mut tools = BUILD.to_vec();
    tools.push(Tool::modules_of("package"));
    for browser in browsers {
        tools.extend(tools_of(*browser));
    }
    tools
}

/// Runs every test binary in every browser: one outcome for each browser.
pub(super) fn run(toolbox: &Toolbox, browsers: &[Browser]) -> Vec<Outcome> {
    let (tests, servers) = match prepare(toolbox) {
        Ok(prepared) => prepared,
        Err(error) => return vec![attempt("browser", || Err(error))],
    };
    let mut outcomes = Vec::new();
    for browser in browsers {
        report::heading(&format!("test browser, {}", browser.name()));
        let outcome = attempt(browser.name(), || {
            toolbox.require(&needs(&[*browser]))?;
            run_in(toolbox, *browser, &tests, &servers)
        });
        println!(
            "{}: {} passed, {} failed",
            outcome.name, outcome.count.passed, outcome.count.failed
        );
        outcomes.push(outcome);
        if process::interrupted() {
            break;
        }
    }
    if let Err(error) = servers.stop() {
        report::error(&error.context("the echo server did not end"));
    }
    outcomes
}

/// What the tests connect to.
struct Servers {
    echo: Server,
    /// The same server behind a bad network.
    chaos: Server,
    node: Server,
    node_chaos: Server,
}

impl Servers {
    /// Tells the tests where they are, where that is not where they expect them.
    fn tell(&self, command: &mut std::process::Command) {
        for (server, port, name) in [
            (&self.echo, DEFAULT_PORT, "TAUTLINE_ECHO_URL"),
            (&self.chaos, DEFAULT_CHAOS_PORT, "TAUTLINE_CHAOS_URL"),
            (&self.node_chaos, NODE_CHAOS_PORT, "TAUTLINE_NODE_CHAOS_URL"),
        ] {
            if !server.url().ends_with(&format!(":{port}")) {
                command.env(name, server.url());
            }
        }
    }

    fn stop(self) -> Result<()> {
        for server in [self.chaos, self.node_chaos, self.echo, self.node] {
            server.stop()?;
        }
        Ok(())
    }
}

/// The test binaries, and servers for them.
fn prepare(toolbox: &Toolbox) -> Result<(Vec<String>, Servers)> {
    let tests = test_binaries(&project::root().join("tests"))?;
    let binary = server::build(toolbox)?;
    let logs = project::work_dir("xtask")?;
    let echo = Server::start(
        toolbox,
        &binary,
        port(DEFAULT_PORT),
        Some(&logs.join("echo-server.log")),
    )?;
    let log = logs.join("chaos.log");
    let chaos = Server::start_chaos(toolbox, echo.url(), port(DEFAULT_CHAOS_PORT), &log)?;

    package::build(toolbox)?;
    let node = Server::start_node(toolbox, port(NODE_PORT), &logs.join("node-server.log"))?;
    let log = logs.join("node-chaos.log");
    let node_chaos = Server::start_chaos(toolbox, node.url(), port(NODE_CHAOS_PORT), &log)?;
    let servers = Servers {
        echo,
        chaos,
        node,
        node_chaos,
    };
    Ok((tests, servers))
}

fn port(wanted: u16) -> u16 {
    let port = server::free_port(wanted);
    if port != wanted {
        report::note(&format!("port {wanted} is taken; the tests are compiled for {port}"));
    }
    port
}

fn run_in(toolbox: &Toolbox, browser: Browser, tests: &[String], servers: &Servers) -> Result<Count> {
    let mut total = Count::default();
    // One call for each binary: in one call the first failure would keep the others from running.
    for test in tests {
        let mut command = wasm_pack(toolbox, browser)?;
        command.args(["--mode", "no-install", ".", "--test", test]);
        command
            .env("WASM_BINDGEN_TEST_TIMEOUT", TEST_TIMEOUT)
            .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", DRIVER_TIMEOUT);
        servers.tell(&mut command);
        process::keep_colours(&mut command);

        let (mut counted, mut began) = (None, false);
        let ran = process::stream(&mut command, LIMIT, |line| {
            began |= count::begins(line);
            counted = count::test_result(line).or(counted);
        });
        match (ran, counted) {
            (Ok(status), Some(count)) if count.passed + count.failed > 0 => {
                total.add(count.with_status(status.success()));
            }
            (ran, _) => {
                let reason = match ran {
                    Ok(_) if began => anyhow!("its tests did not end within {TEST_TIMEOUT} s, or the page broke"),
                    Ok(status) if status.success() => anyhow!("it holds no tests for this browser"),
                    Ok(status) => anyhow!("it did not compile, or the browser or its driver did not start ({status})"),
                    Err(error) => error,
                };
                report::error(&reason.context(format!("tests/{test}.rs has no result in {}", browser.name())));
                total.add(Count {
                    failed: 1,
                    ..Count::default()
                });
            }
        }
        if process::interrupted() {
            break;
        }
    }
    Ok(total)
}

/// `wasm-pack test` with the flags that choose a browser and its driver.
fn wasm_pack(toolbox: &Toolbox, browser: Browser) -> Result<std::process::Command> {
    let driver = |names: &[&str]| {
        toolbox
            .find(names)
            .with_context(|| format!("{} has gone: run `cargo xtask setup`", names.join(" or ")))
    };
    let mut command;
    match browser {
        Browser::Chromium => {
            command = toolbox.command("wasm-pack");
            command
                .args(["test", "--headless", "--chrome", "--chromedriver"])
                .arg(driver(&["chromedriver"])?);
        }
        Browser::Firefox => {
            command = toolbox.command("wasm-pack");
            command
                .args(["test", "--headless", "--firefox", "--geckodriver"])
                .arg(driver(&["geckodriver"])?);
        }
        Browser::Webkit if cfg!(target_os = "linux") => {
            // It has no headless mode, so it gets a screen that nobody sees.
            command = toolbox.command("xvfb-run");
            command.args([
                "--auto-servernum",
                "wasm-pack",
                "test",
                "--headless",
                "--safari",
                "--safaridriver",
            ]);
            command.arg(driver(&WEBKIT_DRIVER)?);
            if is_root() {
                command.env("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1");
            }
        }
        Browser::Webkit => {
            command = toolbox.command("wasm-pack");
            command
                .args(["test", "--headless", "--safari", "--safaridriver"])
                .arg(driver(&WEBKIT_DRIVER)?);
        }
    }
    Ok(command)
}

fn tools_of(browser: Browser) -> Vec<Tool> {
    match browser {
        Browser::Chromium => vec![Tool::Chromium],
        Browser::Firefox => vec![Tool::Firefox, Tool::Geckodriver],
        Browser::Webkit => vec![Tool::WebKit],
    }
}

/// The names of the `web_*.rs` in a folder, sorted.
fn test_binaries(folder: &Path) -> Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(".rs")?.to_owned()))
        .filter(|name| name.starts_with("web_"))
        .collect();
    if names.is_empty() {
        bail!("nothing to test: no web_*.rs in {}", folder.display());
    }
    names.sort();
    Ok(names)
}

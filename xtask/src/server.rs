//! The echo server as a child: built, started, asked where it listens, stopped; its brother in Node, and the bad network in front
//! of either. Called by demo and by the tests that need a server.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{self, Running};
use crate::project;
use crate::setup::Toolbox;

/// The port that the browser tests expect when they are told nothing.
pub(crate) const DEFAULT_PORT: u16 = 9010;
/// The same, of the bad network in front of the server.
pub(crate) const DEFAULT_CHAOS_PORT: u16 = 9011;

/// The port of the server for Node in those tests, and of the bad network in front of it.
pub(crate) const NODE_PORT: u16 = 9012;
/// That is what the browser tests expect.
pub(crate) const NODE_CHAOS_PORT: u16 = 9013;

/// Installing the npm package into a fresh project is in it.
const STARTING: Duration = Duration::from_secs(60);

/// A server that accepts connections. Dropping it stops it.
pub(crate) struct Server {
    running: Running,
    url: String,
}

impl Server {
    /// Starts a built server on `port`; 0 picks a free one. What it logs goes to `log`, or to our standard error.
    pub(crate) fn start(toolbox: &Toolbox, binary: &Path, port: u16, log: Option<&Path>) -> Result<Self> {
        let mut command = toolbox.command(binary);
        command.args(["--port", &port.to_string()]);
        Self::listen(&mut command, log)
    }

    /// Starts the server for Node, of the npm package in `pkg/`.
    pub(crate) fn start_node(toolbox: &Toolbox, port: u16, log: &Path) -> Result<Self> {
        let mut command = toolbox.command("node");
        command.arg(project::root().join("tests/package/node_server/serve.mjs"));
        command.args(["--port", &port.to_string()]);
        Self::listen(&mut command, Some(log))
    }

    /// Starts a proxy on `port` that delays what goes to `target` and comes back by 20 ms each way, resets every connection
    /// each 250 ms, and lets every eighth go silent.
    pub(crate) fn start_chaos(toolbox: &Toolbox, target: &str, port: u16, log: &Path) -> Result<Self> {
        let mut command = toolbox.command("node");
        command.arg(project::root().join("tests/package/chaos.mjs"));
        command.args(["--target", target, "--port", &port.to_string()]);
        command.args(["--delay-ms", "20", "--reset-ms", "250", "--silent-every", "8"]);
        Self::listen(&mut command, Some(log))
    }

    /// Starts a program that says where it listens.
    fn listen(command: &mut Command, log: Option<&Path>) -> Result<Self> {
        command.stdout(Stdio::piped());
        if let Some(log) = log {
            command.stderr(File::create(log).with_context(|| format!("cannot write {}", log.display()))?);
        }
        let mut running = process::spawn(command)?;
        let output = running.stdout.take().context("the server's output is not piped")?;
        let (said, listening) = mpsc::channel();
        // Reads on to the end, so that the server never waits for a full pipe.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("listening on ") {
                    let _ = said.send(url.trim().to_owned());
                }
            }
        });
        match listening.recv_timeout(STARTING) {
            Ok(url) => Ok(Self { running, url }),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                bail!("the server did not say within {} s that it listens", STARTING.as_secs())
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let status = running.wait()?;
                let said = log.map(|log| process::tail(log, 10)).unwrap_or_default();
                bail!("the server did not start ({status})\n{said}")
            }
        }
    }

    /// Where it listens: `http://127.0.0.1:9010`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until the server ends by itself or Ctrl-C ends it.
    pub(crate) fn wait(mut self) -> Result<ExitStatus> {
        Ok(self.running.wait()?)
    }

    /// Ends it in good order.
    pub(crate) fn stop(self) -> Result<ExitStatus> {
        self.running.stop()
    }
}

/// Builds the server, in the profile this program was built in and so beside it. `cargo xtask` means unoptimised, which
/// builds fast and echoes fast enough.
pub(crate) fn build(toolbox: &Toolbox) -> Result<PathBuf> {
    let mut command = toolbox.command(project::cargo());
    command.args(["build", "--package", "tautline-echo"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    process::run(&mut command, "building the echo server")?;
    project::binary("tautline-echo")
}

/// Builds the server as it is measured.
pub(crate) fn build_release(toolbox: &Toolbox) -> Result<PathBuf> {
    let mut command = toolbox.command(project::cargo());
    command.args(["build", "--package", "tautline-echo", "--release"]);
    process::run(&mut command, "building the echo server")?;
    project::release_binary("tautline-echo")
}

/// This port, or the first free one after it. Not any free one: the tests are compiled for the port.
pub(crate) fn free_port(first: u16) -> u16 {
    (first..first + 90).find(|port| !taken(*port)).unwrap_or(0)
}

/// Whether someone listens there already.
pub(crate) fn taken(port: u16) -> bool {
    port != 0 && TcpListener::bind(("127.0.0.1", port)).is_err()
}

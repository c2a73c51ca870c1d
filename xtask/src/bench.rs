//! `cargo xtask bench`: builds what is measured, the npm package, the server and the clients in Rust, and hands over to
//! `benches/run.mjs`, which starts the browsers. Called by main.rs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Deserialize;

use crate::package;
use crate::process;
use crate::project;
use crate::report;
use crate::server;
use crate::setup::{self, BENCHES, BUILD, CHROMIUM, Tool, Toolbox};

/// The feature of `benches/rust` that is no client, but what two of them share.
const SHARED: &str = "tautline";

/// What is to be measured; `run.mjs` has the names.
#[derive(Debug, Args)]
pub(crate) struct Choice {
    /// Fewer messages, payloads and rounds: a few minutes
    #[arg(long)]
    quick: bool,
    /// These works alone
    #[arg(long, value_name = "WORK", value_delimiter = ',')]
    only: Vec<String>,
    /// These clients alone
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    clients: Vec<String>,
    /// These messages alone
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    payloads: Vec<String>,
    /// How often each client does each work, at most [default: 12 for echo, in and out with JSON, 6 with others, 9 for round trips, 5 for the rest with JSON, 3 otherwise; quick: 2]
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,
    /// Everything in this browser; without it everything in Chromium, and the echo and the sockets in Firefox, too
    #[arg(long, value_name = "BROWSER", value_parser = ["chromium", "firefox"])]
    browser: Option<String>,
}

/// Builds and runs; fails where a client did.
pub(crate) fn bench(choice: &Choice) -> Result<()> {
    let tools = choice.tools();
    let toolbox = setup::prepare(&tools)?;
    toolbox.require(&tools)?;
    // A name that is wrong is no reason to build.
    process::run(runner(&toolbox, choice).arg("--check"), "the bench")?;
    package::build(&toolbox)?;
    report::heading("server");
    let server = server::build_release(&toolbox)?;
    report::heading("clients in Rust");
    let package = ClientPackage::read(&toolbox)?;
    package.check_wasm_bindgen()?;
    for client in package.clients().filter(|client| choice.names(client)) {
        build_client(&toolbox, client)?;
    }

    report::heading("bench");
    let mut command = runner(&toolbox, choice);
    command.env("TAUTLINE_ECHO_BIN", server);
    if let Some(chromium) = toolbox.find(&CHROMIUM) {
        command.env("CHROMIUM", chromium);
    }
    process::run(&mut command, "the bench")
}

fn runner(toolbox: &Toolbox, choice: &Choice) -> Command {
    let mut command = toolbox.command("node");
    command
        .arg(project::root().join(BENCHES).join("run.mjs"))
        .args(choice.flags());
    command
}

impl Choice {
    fn tools(&self) -> Vec<Tool> {
        let mut tools = BUILD.to_vec();
        if self.browser.as_deref() != Some("firefox") {
            tools.push(Tool::Chromium);
        }
        if self.needs_firefox() {
            tools.push(Tool::Firefox);
        }
        tools.push(Tool::Modules(BENCHES.to_owned()));
        tools
    }

    /// Beside Chromium it has little to do: what `runsOf` in `benches/runner/settings.mjs` gives it.
    fn needs_firefox(&self) -> bool {
        if let Some(browser) = &self.browser {
            return browser == "firefox";
        }
        let works = is_asked_for(&self.only, "echo") || (is_asked_for(&self.only, "sockets") && !self.quick);
        works && is_asked_for(&self.payloads, "json")
    }

    fn names(&self, client: &str) -> bool {
        is_asked_for(&self.clients, client)
    }

    /// The same again, for `run.mjs`.
    fn flags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        if self.quick {
            flags.push("--quick".to_owned());
        }
        let mut add = |name: &str, value: String| flags.push(format!("--{name}={value}"));
        if !self.only.is_empty() {
            add("only", self.only.join(","));
        }
        if !self.clients.is_empty() {
            add("clients", self.clients.join(","));
        }
        if !self.payloads.is_empty() {
            add("payloads", self.payloads.join(","));
        }
        if let Some(rounds) = self.rounds {
            add("rounds", rounds.to_string());
        }
        if let Some(browser) = &self.browser {
            add("browser", browser.clone());
        }
        flags
    }
}

/// Who names none asks for all.
fn is_asked_for(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|one| one == name)
}

/// What cargo says of `benches/rust`.
#[derive(Debug, Deserialize)]
struct ClientPackage {
    features: BTreeMap<String, Vec<String>>,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    req: String,
}

impl ClientPackage {
    fn read(toolbox: &Toolbox) -> Result<Self> {
        #[derive(Deserialize)]
        struct Metadata {
            packages: [ClientPackage; 1],
        }
        let mut command = toolbox.command("cargo");
        command
            .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
            .arg(client_folder().join("Cargo.toml"));
        let output = command.output().context("cannot run cargo metadata")?;
        ensure!(
            output.status.success(),
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).context("cannot read what cargo metadata says")?;
        let [package] = metadata.packages;
        Ok(package)
    }

    /// The clients, each a feature.
    fn clients(&self) -> impl Iterator<Item = &str> {
        self.features.keys().map(String::as_str).filter(|name| *name != SHARED)
    }

    /// Setup chooses the wasm-bindgen of the main `Cargo.lock`, and each speaks its own version's format alone.
    fn check_wasm_bindgen(&self) -> Result<()> {
        let locked = project::locked_version("wasm-bindgen")?;
        let dependency = self.dependencies.iter().find(|one| one.name == "wasm-bindgen");
        let asked = &dependency.context("benches/rust does not depend on wasm-bindgen")?.req;
        ensure!(
            *asked == format!("={locked}"),
            "benches/rust/Cargo.toml asks for wasm-bindgen {asked}, and the main Cargo.lock has {locked}: make them one"
        );
        Ok(())
    }
}

fn client_folder() -> PathBuf {
    project::root().join(BENCHES).join("rust")
}

/// Compiles `benches/rust` for one client, to `benches/rust/pkg/NAME/NAME.js` and its wasm.
fn build_client(toolbox: &Toolbox, client: &str) -> Result<()> {
    let folder = client_folder();
    let output = folder.join("pkg").join(client);
    let mut command = toolbox.command("wasm-pack");
    command
        .args(["--log-level", "warn", "build"])
        .arg(&folder)
        .args(["--release", "--target", "web", "--no-pack", "--no-typescript", "--no-gitignore"])
        // It must use the tools that setup chose, never fetch others.
        .args(["--mode", "no-install", "--out-name", client, "--out-dir"])
        .arg(&output)
        .args(["--", "--locked", "--features", client]);
    process::keep_colours(&mut command);
    process::run(&mut command, "wasm-pack build").with_context(|| format!("cannot build {client}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_in_rust_are_features_and_use_our_wasm_bindgen() -> Result<()> {
        let package = ClientPackage::read(&Toolbox::default())?;
        package.check_wasm_bindgen()?;
        let clients: Vec<&str> = package.clients().collect();
        assert!(
            clients.contains(&"gloo-net") && clients.contains(&"tautline-rust"),
            "{clients:?}"
        );
        assert!(!clients.contains(&SHARED), "{clients:?}");
        Ok(())
    }

    #[test]
    fn firefox_is_needed_where_the_plan_has_it() {
        let choice = |only: &[&str], payloads: &[&str], quick| Choice {
            quick,
            only: only.iter().map(ToString::to_string).collect(),
            clients: Vec::new(),
            payloads: payloads.iter().map(ToString::to_string).collect(),
            rounds: None,
            browser: None,
        };
        assert!(choice(&[], &[], false).needs_firefox());
        assert!(choice(&["sockets"], &[], false).needs_firefox());
        assert!(!choice(&["sockets"], &[], true).needs_firefox());
        assert!(!choice(&["round-trip"], &[], false).needs_firefox());
        assert!(!choice(&["echo"], &["16"], false).needs_firefox());
    }
}

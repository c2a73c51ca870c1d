//! `cargo xtask bench`: builds what is measured, the npm package, the server and the clients in Rust, and hands over to
//! `benches/run.mjs`, which starts the browsers. Called by main.rs.

use anyhow::{Context, Result};
use clap::Args;

use crate::package;
use crate::process;
use crate::project;
use crate::report;
use crate::server;
use crate::setup::{self, BENCHES, BUILD, CHROMIUM, Tool, Toolbox};

/// The clients in Rust, by their features in `benches/rust`. All others are JavaScript.
const RUST_CLIENTS: [&str; 6] = [
    "gloo-net",
    "ws_stream_wasm",
    "tokio-tungstenite-wasm",
    "ewebsock",
    "tautline-rust",
    "tautline-rust-durable",
];

/// What is to be measured; `run.mjs` has the names.
#[derive(Debug, Args)]
pub(crate) struct Choice {
    /// Fewer messages, payloads and rounds: under two minutes
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
    /// How often each client does each work [default: 5; quick: 2]
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,
    /// Everything in this browser; without it everything in Chromium, and the echo in Firefox, too
    #[arg(long, value_name = "BROWSER", value_parser = ["chromium", "firefox"])]
    browser: Option<String>,
}

/// Builds and runs; fails where a client did.
pub(crate) fn bench(choice: &Choice) -> Result<()> {
    let tools = choice.tools();
    let toolbox = setup::prepare(&tools)?;
    toolbox.require(&tools)?;
    package::build(&toolbox)?;
    report::heading("server");
    let server = server::build_release(&toolbox)?;
    report::heading("clients in Rust");
    for client in choice.rust_clients() {
        build_client(&toolbox, client)?;
    }

    report::heading("bench");
    let mut command = toolbox.command("node");
    command
        .arg(project::root().join(BENCHES).join("run.mjs"))
        .args(choice.flags())
        .env("TAUTLINE_ECHO_BIN", server);
    if let Some(chromium) = toolbox.find(&CHROMIUM) {
        command.env("CHROMIUM", chromium);
    }
    process::run(&mut command, "the bench")
}

impl Choice {
    fn tools(&self) -> Vec<Tool> {
        let mut tools = BUILD.to_vec();
        if self.browser.as_deref() != Some("firefox") {
            tools.push(Tool::Chromium);
        }
        if self.browser.as_deref() != Some("chromium") {
            tools.push(Tool::Firefox);
        }
        tools.push(Tool::Modules(BENCHES.to_owned()));
        tools
    }

    fn rust_clients(&self) -> impl Iterator<Item = &'static str> {
        let is_measured = |name: &&str| self.clients.is_empty() || self.clients.iter().any(|client| client == name);
        RUST_CLIENTS.into_iter().filter(is_measured)
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

/// Compiles `benches/rust` for one client, to `benches/rust/pkg/NAME/NAME.js` and its wasm.
fn build_client(toolbox: &Toolbox, client: &str) -> Result<()> {
    let folder = project::root().join(BENCHES).join("rust");
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

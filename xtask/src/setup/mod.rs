//! `cargo xtask setup`, and the same checks before every other command: each tool a command needs is found, or installed,
//! or reported with what to do. Called by main.rs, demo.rs, bench.rs, package and test.

mod apt;
mod cargo_tools;
mod node_tools;
mod version;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

pub(crate) use self::apt::{CHROMIUM, WEBKIT_DRIVER, is_root};
use crate::process;
use crate::project;
use crate::report::{self, Step, Steps};

/// Something a command needs. The order is the order of installing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    WasmTarget,
    WasmPack,
    WasmBindgen,
    Node,
    WasmOpt,
    Chromium,
    Firefox,
    Geckodriver,
    WebKit,
    /// The npm dependencies of a folder of the workspace.
    Modules(String),
}

/// The folder of the bench.
pub(crate) const BENCHES: &str = "benches";

impl Tool {
    /// The npm dependencies of a folder under `tests/`.
    pub(crate) fn modules_of(suite: &str) -> Self {
        Self::Modules(format!("tests/{suite}"))
    }

    fn name(&self) -> String {
        match self {
            Self::WasmTarget => "wasm32-unknown-unknown".to_owned(),
            Self::WasmPack => "wasm-pack".to_owned(),
            Self::WasmBindgen => "wasm-bindgen".to_owned(),
            Self::Node => "Node and npm".to_owned(),
            Self::WasmOpt => "wasm-opt".to_owned(),
            Self::Chromium => "Chromium and chromedriver".to_owned(),
            Self::Firefox => "Firefox".to_owned(),
            Self::Geckodriver => "geckodriver".to_owned(),
            Self::WebKit => "WebKit driver and xvfb".to_owned(),
            Self::Modules(folder) => format!("npm packages of {folder}"),
        }
    }
}

/// What building the npm package needs.
pub(crate) const BUILD: [Tool; 5] = [
    Tool::WasmTarget,
    Tool::WasmPack,
    Tool::WasmBindgen,
    Tool::Node,
    Tool::WasmOpt,
];

/// What was found: how to run it, and what is missing.
#[derive(Debug, Default)]
pub(crate) struct Toolbox {
    /// Folders that go before the user's PATH, because what lies there must win.
    front: Vec<PathBuf>,
    /// What could be neither found nor installed, and why.
    missing: Vec<(Tool, String)>,
    apt: apt::Apt,
}

impl Toolbox {
    /// A command that finds the project's tools first.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env("PATH", self.path()).current_dir(project::root());
        command
    }

    /// Fails unless every one of `tools` is there.
    pub(crate) fn require(&self, tools: &[Tool]) -> Result<()> {
        let missing: Vec<String> = self
            .missing
            .iter()
            .filter(|(tool, _)| tools.contains(tool))
            .map(|(tool, reason)| format!("{}: {reason}", tool.name()))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        bail!("cannot go on without:\n  {}", missing.join("\n  "))
    }

    /// The first of `names` that can be run.
    pub(crate) fn find(&self, names: &[&str]) -> Option<PathBuf> {
        names.iter().find_map(|name| self.candidates(name).into_iter().next())
    }

    /// Every file called `name` on the PATH, in its order.
    fn candidates(&self, name: &str) -> Vec<PathBuf> {
        let file = format!("{name}{}", env::consts::EXE_SUFFIX);
        let mut found: Vec<PathBuf> = Vec::new();
        for path in env::split_paths(&self.path()).map(|folder| folder.join(&file)) {
            // npm's programs are `.cmd` files on Windows.
            let path = if cfg!(windows) && !path.is_file() {
                path.with_extension("cmd")
            } else {
                path
            };
            if path.is_file() && !found.contains(&path) {
                found.push(path);
            }
        }
        found
    }

    /// What we put first, then the user's PATH, then cargo's binaries: someone may call cargo by its full path.
    fn path(&self) -> OsString {
        let own = env::var_os("PATH").unwrap_or_default();
        let all = self
            .front
            .iter()
            .cloned()
            .chain(env::split_paths(&own))
            .chain(project::cargo_bin());
        // A folder whose name holds the separator can't be joined; then the user's PATH has to do.
        env::join_paths(all).unwrap_or(own)
    }

    fn put_first(&mut self, folder: &Path) {
        self.front.retain(|other| other != folder);
        self.front.insert(0, folder.to_path_buf());
    }
}

/// Everything that any command needs.
pub(crate) fn everything() -> Result<Vec<Tool>> {
    let mut tools = BUILD.to_vec();
    tools.extend([Tool::Chromium, Tool::Firefox, Tool::Geckodriver, Tool::WebKit]);
    tools.extend(node_suites()?.iter().map(|suite| Tool::modules_of(suite)));
    tools.push(Tool::Modules(BENCHES.to_owned()));
    Ok(tools)
}

/// The folders under `tests/` that are npm packages.
pub(crate) fn node_suites() -> Result<Vec<String>> {
    let tests = project::root().join("tests");
    let mut folders = Vec::new();
    for entry in fs::read_dir(&tests).with_context(|| format!("cannot read {}", tests.display()))? {
        let entry = entry?;
        if entry.path().join("package.json").is_file() {
            folders.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    folders.sort();
    Ok(folders)
}

/// Finds or installs `tools`, one step each. What can't be had is noted in the toolbox: ask it with `require`.
pub(crate) fn prepare(tools: &[Tool]) -> Result<Toolbox> {
    let mut toolbox = Toolbox {
        apt: apt::Apt::new(tools),
        ..Toolbox::default()
    };
    if tools.is_empty() {
        return Ok(toolbox);
    }
    report::heading("tools");
    let mut steps = Steps::new(tools.len());
    for tool in tools {
        let mut step = steps.begin(&tool.name());
        match ensure(tool, &mut toolbox, &mut step) {
            Ok(detail) => step.ok(&detail),
            Err(error) => {
                step.failed(&error);
                toolbox.missing.push((tool.clone(), format!("{error:#}")));
            }
        }
        if process::interrupted() {
            bail!("interrupted");
        }
    }
    Ok(toolbox)
}

/// Finds or installs one tool; says in a few words what it found.
fn ensure(tool: &Tool, toolbox: &mut Toolbox, step: &mut Step) -> Result<String> {
    match tool {
        Tool::WasmTarget => cargo_tools::wasm_target(toolbox, step),
        Tool::WasmPack => cargo_tools::wasm_pack(toolbox, step),
        Tool::WasmBindgen => cargo_tools::wasm_bindgen(toolbox, step),
        Tool::Geckodriver => cargo_tools::geckodriver(toolbox, step),
        Tool::Node => node_tools::node(toolbox),
        Tool::WasmOpt => node_tools::wasm_opt(toolbox, step),
        Tool::Modules(folder) => node_tools::modules(toolbox, step, folder),
        Tool::Chromium | Tool::Firefox | Tool::WebKit => apt::browser(tool, toolbox, step),
    }
}

/// Runs an installer with its output in a log, showing that time goes on.
fn install(command: &mut Command, log: &str, step: &mut Step) -> Result<()> {
    let log = project::work_dir("xtask")?.join(format!("{log}.log"));
    process::run_logged(command, &log, |elapsed: Duration| step.tick(elapsed))
}

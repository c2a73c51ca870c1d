//! `cargo xtask test package`, `test page` and `test report`: tests written for Node's own runner. Called by test, the first two
//! once the npm package and the server are built.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::count::{self, Count};
use super::package_tools;
use crate::process;
use crate::project;
use crate::setup::{self, BENCHES, CHROMIUM, Tool, Toolbox};

const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Files at a time: they wait for servers and browsers more than they compute.
const FILES_AT_ONCE: &str = "--test-concurrency=2";

/// Milliseconds for a file of tests: one that hangs is to be named, not the whole run.
const FILE_TIMEOUT: &str = "--test-timeout=300000";

pub(super) fn needs(suite: &str) -> Vec<Tool> {
    let mut tools = package_tools();
    if suite == "package" {
        // Its JavaScript meets each of them.
        tools.extend([Tool::Firefox, Tool::Geckodriver, Tool::WebKit]);
    }
    // A suite that is missing has nothing to install; running it says so.
    if setup::node_suites().is_ok_and(|suites| suites.iter().any(|name| name == suite)) {
        tools.push(Tool::modules_of(suite));
    }
    tools
}

/// Runs a folder under `tests/`.
pub(super) fn run(toolbox: &Toolbox, suite: &str, server: &Path) -> Result<Count> {
    let root = project::root();
    let folder = root.join("tests").join(suite);
    let chromium = toolbox
        .find(&CHROMIUM)
        .context("Chromium has gone: run `cargo xtask setup`")?;
    let mut command = toolbox.command("node");
    command
        .env("TAUTLINE_ECHO_BIN", server)
        .env("TAUTLINE_ROOT", &root)
        .env("CHROMIUM", chromium);
    run_folder(command, &folder, suite)
}

/// Runs the tests of the bench's report, which need nothing but Node.
pub(super) fn run_report(toolbox: &Toolbox) -> Result<Count> {
    toolbox.require(&[Tool::Node])?;
    let folder = project::root().join(BENCHES).join("report");
    run_folder(toolbox.command("node"), &folder, "report")
}

/// Runs the test files of a folder; `name` names what is counted from.
fn run_folder(mut command: Command, folder: &Path, name: &str) -> Result<Count> {
    let files = test_files(folder)?;
    let report = project::work_dir("xtask")?.join(format!("{name}.tap"));
    let _ = fs::remove_file(&report);

    // One report to read, one to count.
    command
        .args([
            "--test",
            FILES_AT_ONCE,
            FILE_TIMEOUT,
            "--test-reporter=spec",
            "--test-reporter-destination=stdout",
        ])
        .arg("--test-reporter=tap")
        .arg(format!("--test-reporter-destination={}", report.display()))
        .args(files)
        .current_dir(folder);
    let status = process::stream(&mut command, LIMIT, |_| ())?;
    let text = fs::read_to_string(&report).unwrap_or_default();
    let count = count::tap(&text).with_context(|| format!("node --test ended without a count ({status})"))?;
    Ok(count.with_status(status.success()))
}

/// The names of the test files in a folder, sorted.
fn test_files(folder: &Path) -> Result<Vec<String>> {
    if !folder.is_dir() {
        bail!("nothing to test: there is no {}", folder.display());
    }
    let mut files: Vec<String> = fs::read_dir(folder)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".test.mjs"))
        .collect();
    if files.is_empty() {
        bail!("nothing to test: no *.test.mjs in {}", folder.display());
    }
    files.sort();
    Ok(files)
}

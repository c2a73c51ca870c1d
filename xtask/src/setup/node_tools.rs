//! The tools that come with Node and through npm: Node itself, wasm-opt, the dependencies of the tests. Called by setup.

use std::fs;

use anyhow::{Context, Result, bail};

use super::version::Version;
use super::{Toolbox, install};
use crate::process;
use crate::project;
use crate::report::Step;

/// The first with `import.meta.dirname`, which the tests use.
const OLDEST_NODE: Version = Version(20, 11, 0);

/// Before this one wasm-opt does not know every feature that today's compilers use.
const OLDEST_WASM_OPT: Version = Version(120, 0, 0);
/// The npm package that brings wasm-opt, as a program for Node.
const BINARYEN: &str = "132.0.0";

/// What `npm ci` was last run for.
const STAMP: &str = ".tautline-stamp";

pub(super) fn node(toolbox: &Toolbox) -> Result<String> {
    let advice = format!("install Node {OLDEST_NODE} or newer with npm, from https://nodejs.org");
    let (Some(node), Some(_)) = (toolbox.find(&["node"]), toolbox.find(&["npm"])) else {
        bail!("not found: {advice}");
    };
    let said = process::capture(toolbox.command(node).arg("--version"))?;
    match Version::find(&said) {
        Some(version) if version >= OLDEST_NODE => Ok(version.to_string()),
        _ => bail!("found Node {}, which is too old: {advice}", said.trim()),
    }
}

pub(super) fn wasm_opt(toolbox: &mut Toolbox, step: &mut Step) -> Result<String> {
    if let Some(path) = toolbox.find(&["wasm-opt"]) {
        let said = process::capture(toolbox.command(path).arg("--version")).unwrap_or_default();
        if let Some(version) = Version::find(&said).filter(|version| *version >= OLDEST_WASM_OPT) {
            return Ok(version.0.to_string());
        }
    }
    let cache = project::cache_dir()?;
    let folder = cache.join(format!("binaryen-{BINARYEN}"));
    let binaries = folder.join("node_modules/.bin");
    if !binaries.join("wasm-opt").exists() {
        let npm = toolbox.find(&["npm"]).context("npm is needed to install it")?;
        step.installing(&format!("npm install binaryen@{BINARYEN}"), "about ten seconds");
        // Aside, then renamed: an interrupted download leaves nothing that looks whole.
        let aside = cache.join(format!("binaryen-{BINARYEN}.part"));
        let _ = fs::remove_dir_all(&aside);
        fs::create_dir_all(&aside).with_context(|| format!("cannot create {}", aside.display()))?;
        let mut command = toolbox.command(npm);
        command
            .args(["install", "--no-audit", "--no-fund", "--no-save", "--prefix"])
            .arg(&aside);
        install(command.arg(format!("binaryen@{BINARYEN}")), "binaryen", step)?;
        let _ = fs::remove_dir_all(&folder);
        fs::rename(&aside, &folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    toolbox.put_first(&binaries);
    Ok(BINARYEN.to_owned())
}

/// `npm ci` in a folder of the workspace, when its lock file is not the one that was last installed.
pub(super) fn modules(toolbox: &Toolbox, step: &mut Step, place: &str) -> Result<String> {
    let folder = project::root().join(place);
    let read = |file: &str| {
        let path = folder.join(file);
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let wanted = project::fingerprint(&[&read("package.json")?, &read("package-lock.json")?]);
    let stamp = folder.join("node_modules").join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok("up to date".to_owned());
    }
    let npm = toolbox.find(&["npm"]).context("npm is needed to install them")?;
    step.installing(&format!("npm ci in {place}"), "up to a minute");
    let mut command = toolbox.command(npm);
    // Browsers come through `setup`, not through a package's install script.
    command
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .env("PUPPETEER_SKIP_DOWNLOAD", "1");
    install(
        command.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder),
        &format!("npm-{}", place.replace('/', "-")),
        step,
    )?;
    // A package without dependencies leaves no folder behind.
    fs::create_dir_all(folder.join("node_modules"))?;
    fs::write(&stamp, &wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok("as locked".to_owned())
}

//! The browsers and what drives them, from the system's packages. Called by setup.
//!
//! One `apt-get install` brings everything that the command needs and the machine lacks.

use std::path::Path;

use anyhow::{Result, anyhow, bail};

use super::{Tool, Toolbox, install};
use crate::process;
use crate::report::Step;

pub(crate) const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
pub(crate) const WEBKIT_DRIVER: [&str; 2] = ["WebKitWebDriver", "safaridriver"];
const FIREFOX: [&str; 2] = ["firefox", "firefox-esr"];

/// Packages to install, and how that went: it is tried once.
#[derive(Debug, Default)]
pub(super) struct Apt {
    wanted: Vec<Tool>,
    failed: Option<String>,
}

impl Apt {
    pub(super) fn new(wanted: &[Tool]) -> Self {
        Self {
            wanted: wanted.to_vec(),
            failed: None,
        }
    }
}

/// Finds a browser and its driver, or installs every browser that is missing.
pub(super) fn browser(tool: &Tool, toolbox: &mut Toolbox, step: &mut Step) -> Result<String> {
    let missing = missing(tool, toolbox);
    if missing.is_empty() {
        return Ok("found".to_owned());
    }
    if let Some(reason) = &toolbox.apt.failed {
        bail!(
            "{} missing, and the packages could not be installed: {reason}",
            names(&missing)
        );
    }
    if let Err(error) = install_missing(toolbox, step) {
        toolbox.apt.failed = Some(format!("{error:#}").lines().next().unwrap_or_default().to_owned());
        return Err(error);
    }
    let left = self::missing(tool, toolbox);
    if !left.is_empty() {
        bail!("{} still missing although the packages are installed", names(&left));
    }
    Ok("through apt".to_owned())
}

fn install_missing(toolbox: &Toolbox, step: &mut Step) -> Result<()> {
    let mut programs = Vec::new();
    for tool in &toolbox.apt.wanted {
        programs.extend(missing(tool, toolbox));
    }
    let packages: Vec<&str> = programs
        .iter()
        .flat_map(|(_, packages)| packages.iter().copied())
        .collect();
    let list = packages.join(" ");
    let Some(apt) = toolbox.find(&["apt-get"]) else {
        bail!(
            "there is no apt-get here: install {} yourself (Debian's packages are: {list})",
            names(&programs)
        );
    };

    let prefix: Vec<String> = if is_root() {
        Vec::new()
    } else {
        let sudo = toolbox
            .find(&["sudo"])
            .filter(|sudo| process::capture(toolbox.command(sudo).args(["-n", "true"])).is_ok());
        let Some(sudo) = sudo else {
            bail!(
                "installing needs root, and sudo asks for a password or is not there. Run this, then try again:\n\
                   sudo apt-get update && sudo apt-get install -y {list}"
            );
        };
        vec![sudo.display().to_string(), "-n".to_owned()]
    };

    step.installing(&format!("apt-get install {list}"), "some minutes");
    let run = |arguments: &[&str], log: &str, step: &mut Step| {
        // `env` carries the setting through sudo, which drops the environment.
        let words: Vec<&str> = prefix
            .iter()
            .map(String::as_str)
            .chain(["env", "DEBIAN_FRONTEND=noninteractive"])
            .collect();
        let (program, rest) = words.split_first().ok_or_else(|| anyhow!("nothing to run"))?;
        install(toolbox.command(program).args(rest).arg(&apt).args(arguments), log, step)
    };
    // Lists that are a little old may do as well; if they do not, the install says so.
    if let Err(error) = run(&["update", "-o", "DPkg::Lock::Timeout=300"], "apt-update", step) {
        println!("      apt-get update failed, going on with the lists that are there: {error}");
    }
    let mut arguments = vec!["install", "-y", "-q", "-o", "DPkg::Lock::Timeout=300"];
    arguments.extend(&packages);
    run(&arguments, "apt-install", step)
}

/// The programs of a tool that are not there, each with the Debian packages that bring it.
fn missing(tool: &Tool, toolbox: &Toolbox) -> Vec<(&'static str, &'static [&'static str])> {
    let mut missing: Vec<(&'static str, &'static [&'static str])> = Vec::new();
    let mut want = |names: &[&str], shown: &'static str, packages: &'static [&'static str]| {
        if toolbox.find(names).is_none() {
            missing.push((shown, packages));
        }
    };
    match tool {
        Tool::Chromium => {
            want(&CHROMIUM, "chromium", &["chromium"]);
            want(&["chromedriver"], "chromedriver", &["chromium-driver"]);
        }
        Tool::Firefox => want(&FIREFOX, "firefox", &["firefox-esr"]),
        Tool::WebKit => {
            want(&WEBKIT_DRIVER, "WebKitWebDriver", &["webkit2gtk-driver"]);
            if cfg!(target_os = "linux") {
                want(&["xvfb-run"], "xvfb-run", &["xvfb"]);
                want(&["xauth"], "xauth", &["xauth"]);
            }
        }
        _ => {}
    }
    missing
}

fn names(missing: &[(&str, &[&str])]) -> String {
    missing.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Whether this runs as root: then no sudo, and WebKit's sandbox has to be off.
pub(crate) fn is_root() -> bool {
    // The owner of our own folder in /proc is the user we run as.
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Path::new("/proc/self").metadata().is_ok_and(|own| own.uid() == 0)
    }
    #[cfg(not(unix))]
    false
}

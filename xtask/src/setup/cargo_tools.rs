//! The tools that come through rustup and cargo: the wasm target, wasm-pack, wasm-bindgen, geckodriver. Called by setup.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::version::{Version, Wanted};
use super::{Toolbox, install};
use crate::process;
use crate::project;
use crate::report::Step;

const TARGET: &str = "wasm32-unknown-unknown";

/// wasm-pack before 0.14 knows no `--profile`.
const OLDEST_WASM_PACK: Version = Version(0, 14, 0);
const WASM_PACK: &str = "0.15.1";

/// Drives every Firefox from 128 on, as the driver's own table of versions has it.
const OLDEST_GECKODRIVER: Version = Version(0, 35, 0);
const GECKODRIVER: &str = "0.37.1";

/// A program that `cargo install` brings.
struct CargoTool<'a> {
    package: &'a str,
    program: &'a str,
    /// What to install where nothing acceptable is found.
    pinned: &'a str,
    wanted: Wanted,
    expected: &'a str,
}

/// The standard library for wasm, for the toolchain in use.
pub(super) fn wasm_target(toolbox: &Toolbox, step: &mut Step) -> Result<String> {
    let mut rustc = toolbox.command("rustc");
    let library = process::capture(rustc.args(["--print", "target-libdir", "--target", TARGET]))?;
    let there = || {
        Path::new(library.trim())
            .read_dir()
            .is_ok_and(|mut files| files.next().is_some())
    };
    if there() {
        return Ok("found".to_owned());
    }
    let Some(rustup) = toolbox.find(&["rustup"]) else {
        bail!("this Rust has no {TARGET} and there is no rustup to add it: install Rust through https://rustup.rs");
    };
    step.installing(&format!("rustup target add {TARGET}"), "some seconds");
    install(
        toolbox.command(rustup).args(["target", "add", TARGET]),
        "rustup-target",
        step,
    )?;
    if !there() {
        bail!("rustup added {TARGET}, but not to the toolchain in use: is RUSTUP_TOOLCHAIN set to another one?");
    }
    Ok("through rustup".to_owned())
}

pub(super) fn wasm_pack(toolbox: &mut Toolbox, step: &mut Step) -> Result<String> {
    let tool = CargoTool {
        package: "wasm-pack",
        program: "wasm-pack",
        pinned: WASM_PACK,
        wanted: Wanted::AtLeast(OLDEST_WASM_PACK),
        expected: "one or two minutes",
    };
    tool.ensure(toolbox, step)
}

/// Exactly the version of the `wasm-bindgen` crate in `Cargo.lock`: the two speak a private format.
pub(super) fn wasm_bindgen(toolbox: &mut Toolbox, step: &mut Step) -> Result<String> {
    let locked = project::locked_version("wasm-bindgen")?;
    let tool = CargoTool {
        package: "wasm-bindgen-cli",
        program: "wasm-bindgen",
        pinned: &locked,
        wanted: Wanted::Exactly(locked.parse()?),
        expected: "one or two minutes",
    };
    tool.ensure(toolbox, step)
}

pub(super) fn geckodriver(toolbox: &mut Toolbox, step: &mut Step) -> Result<String> {
    let tool = CargoTool {
        package: "geckodriver",
        program: "geckodriver",
        pinned: GECKODRIVER,
        wanted: Wanted::AtLeast(OLDEST_GECKODRIVER),
        expected: "one or two minutes",
    };
    tool.ensure(toolbox, step)
}

impl CargoTool<'_> {
    /// The first acceptable one: on the PATH, in the cache, or installed now.
    ///
    /// Where the user has none, it goes where `cargo install` always puts things; where there is another version, that
    /// one is left alone and ours goes into the cache.
    fn ensure(&self, toolbox: &mut Toolbox, step: &mut Step) -> Result<String> {
        let found = toolbox.candidates(self.program);
        for (place, path) in found.iter().enumerate() {
            if let Some(version) = version_of(path).filter(|version| self.wanted.accepts(*version)) {
                if place > 0 {
                    toolbox.put_first(folder(path)?);
                }
                return Ok(version.to_string());
            }
        }

        let cached = project::cache_dir()?.join(format!("{}-{}", self.package, self.pinned));
        let program = cached
            .join("bin")
            .join(self.program)
            .with_extension(std::env::consts::EXE_EXTENSION);
        if version_of(&program).is_some_and(|version| self.wanted.accepts(version)) {
            toolbox.put_first(folder(&program)?);
            return Ok(format!("{}, from {}", self.pinned, cached.display()));
        }

        // Without --locked: a lock file as new as the release may name a crate that a mirror does not have yet.
        let version = format!("={}", self.pinned);
        let mut arguments: Vec<&OsStr> = ["install", self.package, "--version", &version]
            .map(OsStr::new)
            .to_vec();
        if !found.is_empty() {
            arguments.extend([OsStr::new("--root"), cached.as_os_str()]);
        }
        let shown: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
        step.installing(&format!("cargo {}", shown.join(" ")), self.expected);
        let mut command = toolbox.command(project::cargo());
        // The workspace's own settings are not for tools.
        command
            .args(&arguments)
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_BUILD_TARGET")
            .env_remove("CARGO_TARGET_DIR");
        install(&mut command, self.package, step)?;

        let installed = if found.is_empty() {
            toolbox.find(&[self.program]).with_context(|| {
                format!(
                    "cargo installed {}, but not where it is looked for: is CARGO_INSTALL_ROOT set?",
                    self.package
                )
            })?
        } else {
            program
        };
        toolbox.put_first(folder(&installed)?);
        Ok(self.pinned.to_owned())
    }
}

/// What `path --version` says; none when it does not run.
fn version_of(path: &Path) -> Option<Version> {
    if !path.is_file() {
        return None;
    }
    Version::find(&process::capture(Command::new(path).arg("--version")).ok()?)
}

fn folder(path: &Path) -> Result<&Path> {
    path.parent()
        .with_context(|| format!("{} lies in no folder", path.display()))
}

//! `cargo xtask build`: compiles `pkg-template` to wasm and assembles the npm package in `pkg/`. Called by main.rs, and
//! by demo and test before they serve or install the package.

mod assemble;
mod bytes;
mod shorten;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::process;
use crate::project;
use crate::report;
use crate::setup::{BUILD, Toolbox};

/// What the package is made from. Its tools are in the stamp too.
const SOURCES: [&str; 11] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    ".cargo/config.toml",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "PROTOCOL.md",
    "src",
    "pkg-template",
    "xtask/Cargo.toml",
    "xtask/src/package",
];

/// Builds `pkg/`, unless it is there and made from what is there now.
pub(crate) fn build(toolbox: &Toolbox) -> Result<()> {
    toolbox.require(&BUILD)?;
    report::heading("npm package");
    let root = project::root();
    let pkg = root.join("pkg");
    let stamp = project::work_dir("npm")?.join("stamp");

    let made_from = fingerprint_of_sources(toolbox, &root)?;
    let current = |stamp: &str| {
        stamp
            .split_once(' ')
            .is_some_and(|(from, made)| from == made_from && contents(&pkg).is_ok_and(|now| now == made))
    };
    if fs::read_to_string(&stamp).is_ok_and(|stamp| current(&stamp)) {
        report::note("pkg/ is up to date");
        return Ok(());
    }

    let started = Instant::now();
    let compiled = compile(toolbox, &root)?;
    assemble::assemble(&root, &compiled, &pkg, &|aim, wasm, to| {
        shorten::shorten(toolbox, aim, wasm, to)
    })?;
    fs::write(&stamp, format!("{made_from} {}", contents(&pkg)?)).context("cannot write the stamp of pkg/")?;
    println!("pkg/ built in {}: {}", report::seconds(started.elapsed()), sizes(&pkg)?);
    Ok(())
}

/// What the compiler made of the two crates.
struct Compiled {
    page: PathBuf,
    server: PathBuf,
}

fn compile(toolbox: &Toolbox, root: &Path) -> Result<Compiled> {
    Ok(Compiled {
        page: compile_crate(toolbox, root, "pkg-template", "npm", "tautline")?,
        server: compile_crate(toolbox, root, "pkg-template/server", "npm-server", "server")?,
    })
}

/// Runs wasm-pack, which runs cargo, wasm-bindgen and wasm-opt; gives the wasm that comes out.
fn compile_crate(toolbox: &Toolbox, root: &Path, folder: &str, profile: &str, name: &str) -> Result<PathBuf> {
    let output = root.join("target/npm/wasm-pack").join(name);
    // wasm-pack does not remove what an earlier run left.
    let _ = fs::remove_dir_all(&output);
    let mut command = toolbox.command("wasm-pack");
    let flags = "--target web --no-pack --no-typescript --no-gitignore";
    // no-install: it must use the tools that setup chose, never fetch others.
    command
        .args(["--log-level", "warn", "build", folder, "--profile", profile])
        .args(flags.split(' '))
        .args(["--mode", "no-install", "--out-name", name, "--out-dir"])
        .arg(&output);
    process::keep_colours(&mut command);
    process::run(&mut command, "wasm-pack build")?;
    Ok(output.join(format!("{name}_bg.wasm")))
}

/// One word for everything that goes into the package.
fn fingerprint_of_sources(toolbox: &Toolbox, root: &Path) -> Result<String> {
    let mut parts = Vec::new();
    for source in SOURCES {
        let path = root.join(source);
        if path.exists() {
            collect(&path, &mut parts)?;
        }
    }
    // A new compiler or tool makes another package.
    for program in ["rustc", "wasm-pack", "wasm-bindgen"] {
        parts.push(process::capture(toolbox.command(program).arg("--version"))?.into_bytes());
    }
    let wasm_opt = toolbox.find(&["wasm-opt"]).unwrap_or_default();
    parts.push(wasm_opt.to_string_lossy().into_owned().into_bytes());
    Ok(fold(&parts))
}

/// One word for the files of a folder, names and bytes.
fn contents(folder: &Path) -> Result<String> {
    let mut parts = Vec::new();
    collect(folder, &mut parts)?;
    Ok(fold(&parts))
}

fn fold(parts: &[Vec<u8>]) -> String {
    project::fingerprint(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// Adds the name and the bytes of every file at or below `path`, in the order of names.
fn collect(path: &Path, parts: &mut Vec<Vec<u8>>) -> Result<()> {
    if path.is_dir() {
        for entry in entries(path)? {
            collect(&entry, parts)?;
        }
        return Ok(());
    }
    parts.push(path.to_string_lossy().into_owned().into_bytes());
    parts.push(fs::read(path).with_context(|| format!("cannot read {}", path.display()))?);
    Ok(())
}

/// What lies in a folder, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = || -> io::Result<Vec<PathBuf>> {
        let mut entries = fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        Ok(entries)
    };
    read().with_context(|| format!("cannot read {}", folder.display()))
}

/// The sizes that matter to a page, raw and as most servers send them.
fn sizes(pkg: &Path) -> Result<String> {
    let mut shown = Vec::new();
    for name in ["tautline.wasm", "bytes.js"] {
        let bytes = fs::read(pkg.join(name)).with_context(|| format!("pkg/ has no {name}"))?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes)?;
        shown.push(format!(
            "{name} {} (gzip {})",
            kilobytes(bytes.len()),
            kilobytes(encoder.finish()?.len())
        ));
    }
    Ok(shown.join(", "))
}

fn kilobytes(bytes: usize) -> String {
    format!("{}.{} KB", bytes / 1000, bytes % 1000 / 100)
}

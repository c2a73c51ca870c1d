//! Where things are: the workspace root, its folders, the per-user cache, and the versions the project pins in
//! `Cargo.lock`. Every other module asks here for a path.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs;
use std::hash::Hasher;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The version that every package of the workspace has, and the npm package with them.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The workspace root.
pub(crate) fn root() -> PathBuf {
    // cargo sets the variable for what it runs; what was compiled in serves when the binary is started by hand.
    let package =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().map(Path::to_path_buf).unwrap_or(package)
}

/// Scratch space inside the workspace, ignored by git; created when missing.
pub(crate) fn work_dir(name: &str) -> Result<PathBuf> {
    let path = root().join("target").join(name);
    fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
    Ok(path)
}

/// Where tools go that must not replace the user's own: one folder per tool and version.
pub(crate) fn cache_dir() -> Result<PathBuf> {
    let base = env::var_os("XDG_CACHE_HOME")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .or_else(|| home().map(|home| home.join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set: set one, so that tools have a place to go")?;
    Ok(base.join("tautline"))
}

/// Where `cargo install` puts binaries.
pub(crate) fn cargo_bin() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| home().map(|home| home.join(".cargo")))?;
    Some(home.join("bin"))
}

/// The cargo that runs us, so that what we start is built by the same toolchain.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// Where this very binary lies, and with it every other one that cargo builds in the same profile.
pub(crate) fn binary(name: &str) -> Result<PathBuf> {
    let own = env::current_exe().context("cannot tell where this program lies")?;
    let folder = own.parent().context("this program lies in no folder")?;
    Ok(folder.join(format!("{name}{}", env::consts::EXE_SUFFIX)))
}

/// The same in the profile `release`, whatever this program was built in.
pub(crate) fn release_binary(name: &str) -> Result<PathBuf> {
    let beside = binary(name)?;
    let profiles = beside
        .parent()
        .and_then(Path::parent)
        .context("this program lies in no target folder")?;
    Ok(profiles.join("release").join(beside.file_name().unwrap_or_default()))
}

/// The version of `package` in the workspace's `Cargo.lock`.
pub(crate) fn locked_version(package: &str) -> Result<String> {
    let path = root().join("Cargo.lock");
    let lock = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    version_in_lock(&lock, package).with_context(|| {
        format!(
            "{} lists no package {package}: does it still match Cargo.toml?",
            path.display()
        )
    })
}

/// A short fingerprint of some bytes: for stamps, not for secrets.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hasher = DefaultHasher::new();
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    format!("{:016x}", hasher.finish())
}

fn home() -> Option<PathBuf> {
    env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" })
        .filter(|home| !home.is_empty())
        .map(PathBuf::from)
}

fn version_in_lock(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')?;
    Some(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"wasm-bindgen-test\"\nversion = \"0.3.80\"\n\n[[package]]\n\
                        name = \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"registry\"\n";

    #[test]
    fn a_locked_version_is_found_by_the_whole_name() {
        assert_eq!(version_in_lock(LOCK, "wasm-bindgen").as_deref(), Some("0.2.130"));
        assert_eq!(version_in_lock(LOCK, "wasm-bindgen-test").as_deref(), Some("0.3.80"));
        assert_eq!(version_in_lock(LOCK, "wasm"), None);
    }

    #[test]
    fn a_fingerprint_tells_where_one_part_ends() {
        assert_eq!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"ab", b"c"]));
        assert_ne!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"a", b"bc"]));
    }
}

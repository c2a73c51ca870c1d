//! Puts `pkg/` together: the hand-written files of `pkg-template`, the wasm from wasm-pack, each wasm as text, the licences
//! and the protocol. Called by `build`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::shorten::Aim;
use super::{Compiled, bytes, entries};
use crate::project;

/// What in the template belongs to the crates, not to the package.
const CRATE_FILES: [&str; 2] = ["Cargo.toml", "src"];

/// What the package has from the project's top level.
pub(super) const PAGES: [&str; 3] = ["LICENSE-MIT", "LICENSE-APACHE", "PROTOCOL.md"];

/// Writes the final wasm, made from one, to a path.
pub(super) type Shorten<'a> = &'a dyn Fn(Aim, &Path, &Path) -> Result<()>;

/// Assembles next to `pkg`, then takes its place: a failure leaves the old package as it was.
pub(super) fn assemble(root: &Path, compiled: &Compiled, pkg: &Path, shorten: Shorten<'_>) -> Result<()> {
    let (new, old) = (pkg.with_extension("new"), pkg.with_extension("old"));
    remove(&new)?;
    remove(&old)?;
    let filled = fill(root, compiled, &new, shorten);
    if let Err(error) = filled {
        let _ = fs::remove_dir_all(&new);
        return Err(error.context("cannot assemble pkg/"));
    }
    if pkg.exists() {
        fs::rename(pkg, &old).with_context(|| format!("cannot move {} away", pkg.display()))?;
    }
    fs::rename(&new, pkg).with_context(|| format!("cannot create {}", pkg.display()))?;
    remove(&old)
}

fn fill(root: &Path, compiled: &Compiled, new: &Path, shorten: Shorten<'_>) -> Result<()> {
    copy_template(&root.join("pkg-template"), new)?;
    for page in PAGES {
        copy(&root.join(page), &new.join(page))?;
    }

    // Not its JavaScript: pkg-template/engine.js is enough.
    let wasm = new.join("tautline.wasm");
    shorten(Aim::Size, &compiled.page, &wasm)?;
    fs::write(new.join("bytes.js"), bytes::module("tautline.wasm", &fs::read(&wasm)?))?;

    // Nobody fetches this one: it is there as text only.
    let wasm = compiled.server.with_extension("short.wasm");
    shorten(Aim::Speed, &compiled.server, &wasm)?;
    let module = bytes::module("the server's wasm", &fs::read(&wasm)?);
    fs::write(new.join("server/bytes.js"), module)?;
    Ok(())
}

/// The files of a folder of the template, and those of the folders in it.
fn copy_template(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for source in entries(from)? {
        let Some(name) = source.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if CRATE_FILES.contains(&name) || name.starts_with('.') {
            continue;
        }
        if source.is_dir() {
            copy_template(&source, &to.join(name))?;
        } else if name == "package.json" {
            let text = fs::read_to_string(&source).context("cannot read pkg-template/package.json")?;
            fs::write(to.join(name), with_version(&text, project::VERSION)?)?;
        } else {
            copy(&source, &to.join(name))?;
        }
    }
    Ok(())
}

/// The template's package.json with the crate's version in the place of its own.
fn with_version(json: &str, version: &str) -> Result<String> {
    // Two spaces: the top level, not a dependency's entry.
    let start = json
        .find("\n  \"version\": \"")
        .context("pkg-template/package.json has no \"version\" line")?;
    let line = json
        .get(start + 1..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default();
    Ok(json.replacen(line, &format!("  \"version\": \"{version}\","), 1))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that goes away with the test.
    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Result<Self> {
            let path = std::env::temp_dir().join(format!("tautline-{name}-{}", std::process::id()));
            remove(&path)?;
            fs::create_dir_all(&path)?;
            Ok(Self(path))
        }

        fn write(&self, name: &str, text: &str) -> Result<()> {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().context("no folder")?)?;
            Ok(fs::write(path, text)?)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn workspace(name: &str) -> Result<Folder> {
        let folder = Folder::new(name)?;
        for page in PAGES {
            folder.write(page, "words")?;
        }
        folder.write("pkg-template/Cargo.toml", "")?;
        folder.write("pkg-template/src/lib.rs", "")?;
        folder.write("pkg-template/index.js", "export {}")?;
        folder.write("pkg-template/server/Cargo.toml", "")?;
        folder.write("pkg-template/server/src/lib.rs", "")?;
        folder.write("pkg-template/server/hub.js", "export {}")?;
        folder.write(
            "pkg-template/package.json",
            "{\n  \"name\": \"tautline\",\n  \"version\": \"0.0.0\",\n  \"a\": 1\n}\n",
        )?;
        folder.write("compiled/tautline_bg.wasm", "wasm")?;
        folder.write("compiled/server_bg.wasm", "other wasm")?;
        Ok(folder)
    }

    fn assemble_in(folder: &Folder) -> Result<()> {
        let unchanged = |_: Aim, wasm: &Path, to: &Path| {
            fs::copy(wasm, to)?;
            Ok(())
        };
        let compiled = Compiled {
            page: folder.0.join("compiled/tautline_bg.wasm"),
            server: folder.0.join("compiled/server_bg.wasm"),
        };
        assemble(&folder.0, &compiled, &folder.0.join("pkg"), &unchanged)
    }

    #[test]
    fn the_package_is_complete_and_has_nothing_of_the_crates() -> Result<()> {
        let folder = workspace("complete")?;
        folder.write("pkg/stale.js", "from an earlier build")?;
        assemble_in(&folder)?;
        let names = |of: &str| -> Result<Vec<String>> {
            let entries = entries(&folder.0.join(of))?;
            let names = entries.iter().filter_map(|path| path.file_name());
            Ok(names.map(|name| name.to_string_lossy().into_owned()).collect())
        };
        let expected = [
            "LICENSE-APACHE",
            "LICENSE-MIT",
            "PROTOCOL.md",
            "bytes.js",
            "index.js",
            "package.json",
            "server",
            "tautline.wasm",
        ];
        assert_eq!(names("pkg")?, expected);
        assert_eq!(names("pkg/server")?, ["bytes.js", "hub.js"]);
        let json = fs::read_to_string(folder.0.join("pkg/package.json"))?;
        assert!(
            json.contains(&format!("\"version\": \"{}\",\n  \"a\"", project::VERSION)),
            "{json}"
        );
        Ok(())
    }

    #[test]
    fn a_failure_leaves_the_old_package() -> Result<()> {
        let folder = workspace("failure")?;
        assemble_in(&folder)?;
        fs::remove_file(folder.0.join("compiled/tautline_bg.wasm"))?;
        folder.write("pkg-template/index.js", "changed")?;
        assert!(assemble_in(&folder).is_err());
        assert_eq!(fs::read_to_string(folder.0.join("pkg/index.js"))?, "export {}");
        assert!(!folder.0.join("pkg.new").exists());
        Ok(())
    }
}

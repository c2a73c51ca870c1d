//! The last step of the wasm: optimizes it, and drops what only tools and wasm-bindgen's own JavaScript know of.
//! What is left are functions of numbers, which pkg-template/engine.js and server/hub.js make instances of without any glue.
//! Called by assemble.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail, ensure};

use crate::process;
use crate::setup::Toolbox;

/// What a module begins with: the magic number and the version.
const HEADER: &[u8] = b"\0asm\x01\0\0\0";
/// The number of the section with the imports.
const IMPORTS: u8 = 2;

/// What counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// A page's first load.
    Size,
    /// Messages a second.
    Speed,
}

impl Aim {
    const fn flags(self) -> &'static [&'static str] {
        match self {
            // Again and again, and from flat code on: a hundredth less. The lowest kilobyte of memory is the far end of the
            // stack, which nothing points to; and what has like names stands together, and is alike. Another hundredth.
            Self::Size => &[
                "--flatten",
                "--dfo",
                "-Oz",
                "--low-memory-unused",
                "--flatten",
                "--rereloop",
                "--simplify-locals-notee",
                "-Oz",
                "-Oz",
                "-Oz",
                "--reorder-functions-by-name",
            ],
            Self::Speed => &["-O3"],
        }
    }
}

/// Writes the shortened wasm to `to`.
pub(super) fn shorten(toolbox: &Toolbox, aim: Aim, wasm: &Path, to: &Path) -> Result<()> {
    let mut command = toolbox.command("wasm-opt");
    command
        // The features it may use are noted in it, until they are stripped.
        .arg(wasm)
        // The memory stays: bytes and sizes cross through it.
        .arg("--remove-exports=__*")
        .args(aim.flags())
        .args(["--strip-debug", "--strip-producers", "--strip-target-features"])
        .arg("-o")
        .arg(to);
    process::capture(&mut command)?;
    if has_imports(&fs::read(to)?)? {
        bail!("the wasm imports something, and the JavaScript has nothing for it: only numbers may cross");
    }
    Ok(())
}

fn has_imports(wasm: &[u8]) -> Result<bool> {
    let Some(mut rest) = wasm.strip_prefix(HEADER) else {
        bail!("the wasm is none");
    };
    while let Some((&section, after)) = rest.split_first() {
        if section == IMPORTS {
            return Ok(true);
        }
        let (mut size, mut digits) = (0, 0);
        for &byte in after {
            size |= usize::from(byte & 0x7f) << (7 * digits);
            digits += 1;
            if byte < 0x80 {
                break;
            }
            ensure!(digits < 5, "the wasm has a section of no size");
        }
        rest = after.get(digits + size..).unwrap_or_default();
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_behind_other_sections_and_only_there() -> Result<()> {
        // A section of types with 130 bytes.
        let types = [&[1, 0x82, 0x01][..], &[2; 130]].concat();
        let exports = [7, 1, 0];
        assert!(!has_imports(&[HEADER, &types, &exports].concat())?);
        assert!(has_imports(&[HEADER, &types, &[IMPORTS, 1, 0], &exports].concat())?);
        assert!(has_imports(b"no wasm").is_err());
        Ok(())
    }
}

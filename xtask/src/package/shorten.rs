//! The last step of the wasm: drops what only tools read, and gives it and its glue one-letter names for each other in the
//! place of wasm-bindgen's long ones with hashes, which do not compress. Called by assemble.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::process;
use crate::setup::Toolbox;

/// What wasm-opt prints of the names it gave.
#[derive(Debug, Deserialize)]
struct Names {
    /// Module, name, new name.
    imports: Vec<(String, String, String)>,
    /// Name, new name.
    exports: Vec<(String, String)>,
}

/// Writes the shortened wasm to `to`; gives the glue that fits it.
pub(super) fn shorten(toolbox: &Toolbox, wasm: &Path, glue: &str, to: &Path) -> Result<String> {
    let mut command = toolbox.command("wasm-opt");
    command
        // The features it may use are noted in it, until they are stripped.
        .arg(wasm)
        .args(["--strip-producers", "--strip-target-features"])
        .arg("--minify-imports-and-exports-and-modules")
        .arg("-o")
        .arg(to);
    let said = process::capture(&mut command)?;
    let names = serde_json::from_str(&said).context("wasm-opt did not say which names it gave")?;
    let glue = rename(glue, &names)?;
    if fs::metadata(to)?.len() >= fs::metadata(wasm)?.len() {
        bail!("shortening the names made the wasm longer");
    }
    Ok(glue)
}

/// Renames exports where the glue uses them (`wasm.name`), imports and their module where it defines them (`name:`).
fn rename(glue: &str, names: &Names) -> Result<String> {
    let exports: HashMap<&str, &str> = names.exports.iter().map(|(old, new)| (&**old, &**new)).collect();
    let imports: HashMap<&str, &str> = names.imports.iter().map(|(_, old, new)| (&**old, &**new)).collect();
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '$';
    let mut renamed = String::with_capacity(glue.len());
    let mut missing: HashSet<&str> = imports.keys().copied().collect();
    let mut rest = glue;
    while let Some(start) = rest.find(is_word) {
        let (before, word_on) = rest.split_at(start);
        let (word, after) = word_on.split_at(word_on.find(|c| !is_word(c)).unwrap_or(word_on.len()));
        renamed.push_str(before);
        let short = if renamed.ends_with("wasm.") {
            exports.get(word)
        } else if after.starts_with(':') {
            imports.get(word)
        } else {
            None
        };
        if after.starts_with(':') {
            missing.remove(word);
        }
        renamed.push_str(short.copied().unwrap_or(word));
        rest = after;
    }
    renamed.push_str(rest);
    for (module, ..) in &names.imports {
        // wasm-opt calls every module `a`.
        renamed = renamed.replace(&format!("\"{module}\""), "\"a\"");
    }
    if !missing.is_empty() {
        bail!("the glue does not define what the wasm imports: {missing:?}");
    }
    Ok(renamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names {
            imports: vec![("./t_bg.js".into(), "__wbg_throw_12ab".into(), "a".into())],
            exports: vec![("engine_send".into(), "b".into()), ("memory".into(), "c".into())],
        }
    }

    #[test]
    fn names_change_where_wasm_and_glue_meet_and_nowhere_else() -> Result<()> {
        let glue = "/** memory */ const i = { __wbg_throw_12ab: (p) => { throw p; } };\n\
                    return { \"./t_bg.js\": i }; wasm.engine_send(wasm.memory.buffer, engine_send, wasm.engine_sender)";
        let expected = "/** memory */ const i = { a: (p) => { throw p; } };\n\
                        return { \"a\": i }; wasm.b(wasm.c.buffer, engine_send, wasm.engine_sender)";
        assert_eq!(rename(glue, &names())?, expected);
        Ok(())
    }

    #[test]
    fn a_glue_that_lacks_an_import_is_refused() {
        assert!(rename("const i = {}; wasm.engine_send(wasm.memory)", &names()).is_err());
    }
}

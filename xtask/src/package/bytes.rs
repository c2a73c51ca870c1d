//! `bytes.js`: wasm as text in a module, for pages that load nothing beside their script, and for servers. Called by assemble.
//!
//! As hex, although that is longer than base64: two digits a byte keep the pattern that a compressor sees, so that what
//! goes over the wire is smaller by a seventh.

use std::fmt::Write;

/// The module. Importing it does nothing; the text is decoded when the function is called.
pub(super) fn module(name: &str, wasm: &[u8]) -> String {
    format!(
        "// Made by `cargo xtask build`: {name}, as text.\n\n\
         const text = \"{}\";\n\n\
         /** The bytes of it, decoded anew by each call. */\n\
         export const wasmBytes = () => Uint8Array.from(text.match(/../g), (digits) => parseInt(digits, 16));\n",
        hex(wasm)
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_has_the_bytes_and_no_effect_when_imported() {
        let module = module("wasm", b"\0asm\xff");
        assert!(module.contains("\"0061736dff\""));
        assert!(!module.contains("await") && !module.contains("data:"));
    }
}

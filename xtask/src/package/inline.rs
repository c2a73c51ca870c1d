//! `inline.js`: the wasm as text in a module, for pages that load nothing beside their script. Called by assemble.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The module. Importing it does nothing; the text is decoded when the function is called.
pub(super) fn module(wasm: &[u8]) -> String {
    format!(
        "// Made by `cargo xtask build`: tautline.wasm, as text.\n\n\
         const text = \"{}\";\n\n\
         /** The bytes of tautline.wasm, decoded anew by each call. */\n\
         export function wasmBytes() {{\n  \
           return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));\n\
         }}\n",
        base64(wasm)
    )
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let character = if digit <= chunk.len() {
                char::from(ALPHABET[(bits >> (18 - 6 * digit) & 63) as usize])
            } else {
                '='
            };
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_4648() {
        let examples = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, encoded) in examples {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[test]
    fn the_module_has_no_effect_when_imported() {
        let module = module(b"\0asm");
        assert!(module.contains("\"AGFzbQ==\""));
        assert!(!module.contains("await") && !module.contains("data:"));
    }
}

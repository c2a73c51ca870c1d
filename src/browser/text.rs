//! JavaScript's text into Rust's.

use alloc::string::String;
use alloc::vec;
use core::cell::OnceCell;

use js_sys::JsString;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

/// From so many UTF-16 units on the browser's own encoder is faster than wasm-bindgen, which reads one after the other.
const LONG: usize = 256;
/// One unit makes at most so many bytes.
const MOST_BYTES: usize = 3;

#[wasm_bindgen]
extern "C" {
    /// Anything; all that can be asked of it is its length.
    type Anything;

    #[wasm_bindgen(method, getter)]
    fn length(this: &Anything) -> Option<u32>;

    #[wasm_bindgen(js_name = TextEncoder)]
    type Encoder;

    #[wasm_bindgen(constructor, js_class = "TextEncoder")]
    fn new() -> Encoder;

    #[wasm_bindgen(method, js_name = encodeInto)]
    fn encode_into(this: &Encoder, text: &JsString, bytes: &mut [u8]) -> Progress;

    type Progress;

    #[wasm_bindgen(method, getter)]
    fn read(this: &Progress) -> u32;

    #[wasm_bindgen(method, getter)]
    fn written(this: &Progress) -> u32;
}

/// Reads texts. The encoder is made for the first that needs it.
#[derive(Default)]
pub(super) struct Reader {
    encoder: OnceCell<Encoder>,
}

impl Reader {
    /// A text of so many UTF-16 units. A lone surrogate becomes U+FFFD.
    pub(super) fn read(&self, text: &JsString, units: usize) -> String {
        if units < LONG || cfg!(target_feature = "atomics") {
            // The browser's encoder writes to no memory that threads share.
            return text.into();
        }
        let encoder = self.encoder.get_or_init(Encoder::new);
        // Most text is ASCII, and fits at once.
        let mut bytes = vec![0; units];
        let progress = encoder.encode_into(text, &mut bytes);
        let (read, mut end) = (progress.read() as usize, progress.written() as usize);
        if read < units {
            bytes.resize(end + (units - read) * MOST_BYTES, 0);
            let rest = text.slice(read as u32, units as u32);
            end += encoder.encode_into(&rest, &mut bytes[end..]).written() as usize;
        }
        bytes.truncate(end);
        if read < units {
            // It may wait in the inbox for long.
            bytes.shrink_to_fit();
        }
        // An encoder makes nothing else.
        String::from_utf8(bytes).unwrap_or_default()
    }
}

/// UTF-16 units of a text; `None` for bytes.
pub(super) fn length(data: &JsValue) -> Option<usize> {
    data.unchecked_ref::<Anything>().length().map(|units| units as usize)
}

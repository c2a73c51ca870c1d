//! The page's clock: it steps 5 µs where the page is cross-origin isolated, 100 µs elsewhere.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// Milliseconds, with a fraction.
    #[wasm_bindgen(js_namespace = performance)]
    pub(crate) fn now() -> f64;
}

//! A connection that is cut again and again: the page says what is due to go out, and is told what arrives.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// The `Trial` of page/works/loss.js.
    pub type Trial;

    /// Up to which number messages go out in this tick.
    #[wasm_bindgen(method)]
    pub(crate) fn due(this: &Trial) -> u32;

    /// That message has come back. Whether it was the last.
    #[wasm_bindgen(method)]
    pub(crate) fn arrived(this: &Trial, number: u32) -> bool;

    /// Whether the last has come back.
    #[wasm_bindgen(method, getter, js_name = isOver)]
    pub(crate) fn is_over(this: &Trial) -> bool;
}

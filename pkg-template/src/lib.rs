//! The wasm half of the npm package: the JavaScript face of `tautline`, and nothing of its own.

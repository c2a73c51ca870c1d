//! The wasm half of the npm package: the JavaScript face of `tautline`, and nothing of its own.

// Links the library; what it exports to JavaScript comes along.
pub use tautline::js::Engine;

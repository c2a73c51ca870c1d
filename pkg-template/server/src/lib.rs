//! The wasm of the npm package's server: the sessions' half of `tautline`, and nothing of its own.

// Links the library; what it exports to JavaScript comes along.
pub use tautline::js_server;

// The memory of Tautline's wasm, in bytes.

import { loaded } from "/pkg/engine.js";

/** Memory of wasm never shrinks: this is the most it ever was. A client in Rust has its own. */
export const wasmMemory = ({ memory = loaded().memory }) => memory.buffer.byteLength;

// The memory of Tautline's wasm, in bytes.

import { loaded } from "/pkg/engine.js";

/** Memory of wasm never shrinks: this is the most it ever was. */
export const wasmMemory = () => loaded().memory.buffer.byteLength;

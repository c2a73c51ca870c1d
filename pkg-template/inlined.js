// Gets the wasm from the package's own text, at once, on first use.

import { instantiate } from "./engine.js";
import { wasmBytes } from "./bytes.js";

export const load = () => instantiate(() => new WebAssembly.Module(wasmBytes()));

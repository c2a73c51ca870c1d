// The entry `tautline`: wasm inlined, nothing to configure, nothing done at import.

import { initSync, Engine } from "./glue.js";
import { wasmBytes } from "./inline.js";
import { Socket } from "./socket.js";

export { TautlineError } from "./errors.js";

let ready = false;

/** The engine's class. Compiles the wasm on first use. */
function load() {
  if (!ready) {
    initSync({ module: new WebAssembly.Module(wasmBytes()) });
    ready = true;
  }
  return Engine;
}

export function connect(url, options) {
  return new Socket(load, url, options);
}

// The one instance of the wasm, whichever entry comes first with it: the first load wins.

import { Engine, initSync } from "./glue.js";

let made = false;

/** The engine's class, once there is an instance. */
export function loaded() {
  return made ? Engine : undefined;
}

/** The engine's class. `source` gives a WebAssembly.Module or the bytes of one, and is called once at most. */
export function instantiate(source) {
  if (!made) {
    initSync({ module: source() });
    made = true;
  }
  return Engine;
}

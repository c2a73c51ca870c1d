// The one instance of the wasm, whichever entry comes first with it: the first load wins.

let exports;

/** What the wasm exports, once there is an instance: src/js/mod.rs has the list. */
export function loaded() {
  return exports;
}

/** What the wasm exports. `compile` gives a WebAssembly.Module, and is called once at most. */
export function instantiate(compile) {
  exports ??= new WebAssembly.Instance(compile()).exports;
  return exports;
}

// What a page holds as something grows: JavaScript's heap, and where there is wasm its memory, each as a series.

import { javaScriptHeap } from "../heap.js";

export class Held {
  #wasmBytes;
  #heap = [];
  #wasm = [];

  constructor(wasmBytes) {
    this.#wasmBytes = wasmBytes;
  }

  /** Measures, after so many messages or reconnects. */
  async note(at) {
    this.#heap.push([at, await javaScriptHeap()]);
    const bytes = this.#wasmBytes();
    if (bytes > 0) this.#wasm.push([at, bytes]);
  }

  /** `x`: what there were so many of. */
  series(x) {
    const heap = { x, unit: "bytes", part: "JavaScript heap", points: this.#heap };
    const wasm = { x, unit: "bytes", part: "wasm memory", points: this.#wasm };
    return this.#wasm.length > 0 ? [heap, wasm] : [heap];
  }
}

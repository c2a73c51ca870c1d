// What the page holds: JavaScript's heap after all garbage is collected, and the memory of Tautline's wasm, in bytes.

import { loaded } from "/pkg/engine.js";

/** Where the browser was not told to collect and to measure, NaN: then nothing is said about it. */
export async function javaScriptHeap() {
  if (!globalThis.gc || !performance.memory) return NaN;
  // Each time takes what the one before let go.
  for (let i = 0; i < 3; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve));
  }
  return performance.memory.usedJSHeapSize;
}

/** Memory of wasm never shrinks: this is the most it ever was. */
export const wasmMemory = () => loaded().memory.buffer.byteLength;

// What JavaScript's heap of a page or frame holds. It loads nothing: what it brought would be counted, too.

/** In bytes, after all garbage is collected. Where the browser was not told to collect and to measure, NaN. */
export async function javaScriptHeap() {
  if (!globalThis.gc || !performance.memory) return NaN;
  // Each time takes what the one before let go.
  for (let i = 0; i < 3; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve));
  }
  return performance.memory.usedJSHeapSize;
}

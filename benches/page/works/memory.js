// The work `memory`: what JavaScript and wasm hold after many messages were echoed, and what of that came after the first tenth.
// In a fresh frame.

import { load } from "../clients.js";
import { echo } from "./echo.js";

export async function measure(name, { payload, count, urlOf }, wasmBytes) {
  const empty = await heap();
  const client = await load(name);
  const channel = await client.open(urlOf(client, "/echo"), { payload });
  const tenth = count / 10;
  await echo(client, channel, payload, tenth);
  const early = (await heap()) + wasmBytes();
  await echo(client, channel, payload, count - tenth, 1 + tenth);
  const js = await heap();
  const wasm = wasmBytes();
  await channel.close();
  return { memory: { wasm, js: js - empty, growth: js + wasm - early } };
}

/** What JavaScript holds when there is no garbage. */
async function heap() {
  if (!globalThis.gc || !performance.memory) throw new Error("this browser was not told to collect garbage and to measure");
  // The second time takes what the first one's finalizers let go.
  for (let i = 0; i < 2; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve));
  }
  return performance.memory.usedJSHeapSize;
}

// The work `memory`: what JavaScript and wasm hold after many messages were echoed, and what of that came after the first tenth.
// In a fresh frame.

import { load } from "../clients.js";
import { javaScriptHeap } from "../heap.js";
import { echo } from "./echo.js";

export async function measure(name, { payload, count, urlOf }, wasmBytes) {
  const empty = await javaScriptHeap();
  if (Number.isNaN(empty)) throw new Error("this browser was not told to collect garbage and to measure");
  const client = await load(name);
  const channel = await client.open(urlOf(client, "/echo"), { payload });
  const tenth = count / 10;
  await echo(client, channel, payload, tenth);
  const early = (await javaScriptHeap()) + wasmBytes();
  await echo(client, channel, payload, count - tenth, 1 + tenth);
  const js = await javaScriptHeap();
  const wasm = wasmBytes();
  await channel.close();
  return { memory: { wasm, js: js - empty, growth: js + wasm - early } };
}

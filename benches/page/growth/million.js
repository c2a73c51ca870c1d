// The growth `million`: a million messages echoed through one socket; what one costs and what the page holds, after each hundred
// thousand.

import { javaScriptHeap } from "../heap.js";
import { echo } from "../works/echo.js";

const STEPS = 10;

export async function grow(client, { urlOf, quick }, wasmBytes) {
  const step = quick ? 10_000 : 100_000;
  const url = urlOf(client, "/echo");
  const isOurs = client.name !== "websocket";
  const channel = await client.open(url, { payload: "json" });
  const [time, heap, wasm] = [[], [], []];
  for (let i = 0; i < STEPS; i++) {
    const ms = await echo(client, channel, "json", step, 1 + i * step);
    const messages = (i + 1) * step;
    time.push([messages, (ms * 1000) / step]);
    heap.push([messages, await javaScriptHeap()]);
    if (isOurs) wasm.push([messages, wasmBytes()]);
  }
  await channel.close();
  const x = "messages";
  return [
    { x, unit: "µs/message", points: time },
    { x, unit: "bytes", part: "JavaScript heap", points: heap },
    ...(isOurs ? [{ x, unit: "bytes", part: "wasm memory", points: wasm }] : []),
  ];
}

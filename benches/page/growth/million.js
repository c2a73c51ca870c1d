// The growth `million`: a million messages echoed through one socket; what one costs and what the page holds, after each hundred
// thousand.

import { connect } from "/pkg/index.js";

import { javaScriptHeap } from "../heap.js";
import { openTautline } from "../tautline_socket.js";
import { echo } from "../works/echo.js";
import { wasmMemory } from "./wasm.js";

const STEPS = 10;

export async function grow(client, { urlOf, quick }) {
  const step = quick ? 10_000 : 100_000;
  const url = urlOf(client, "/echo");
  const isOurs = client.name !== "websocket";
  // In JavaScript by its own files, as they are on disk: there the wasm's memory can be seen.
  const channel = isOurs && !client.isRust
    ? await openTautline(connect, url, { payload: "json", durable: client.isDurable })
    : await client.open(url, { payload: "json" });
  const [time, heap, wasm] = [[], [], []];
  for (let i = 0; i < STEPS; i++) {
    const ms = await echo(client, channel, "json", step, 1 + i * step);
    const messages = (i + 1) * step;
    time.push([messages, (ms * 1000) / step]);
    heap.push([messages, await javaScriptHeap()]);
    if (isOurs) wasm.push([messages, wasmMemory(client)]);
  }
  await channel.close();
  const x = "messages";
  return [
    { x, unit: "µs/message", points: time },
    { x, unit: "bytes", part: "JavaScript heap", points: heap },
    ...(isOurs ? [{ x, unit: "bytes", part: "wasm memory", points: wasm }] : []),
  ];
}

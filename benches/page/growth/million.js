// The growth `million`: a million messages echoed through one socket; what one costs and what the page holds, after each hundred
// thousand.

import { echo } from "../works/echo.js";
import { Held } from "./held.js";

const STEPS = 10;

export async function grow(client, { urlOf, quick }, wasmBytes) {
  const step = quick ? 10_000 : 100_000;
  const channel = await client.open(urlOf(client, "/echo"), { payload: "json" });
  const held = new Held(wasmBytes);
  const time = [];
  for (let i = 0; i < STEPS; i++) {
    const ms = await echo(client, channel, "json", step, 1 + i * step);
    const messages = (i + 1) * step;
    time.push([messages, (ms * 1000) / step]);
    await held.note(messages);
  }
  await channel.close();
  const x = "messages";
  return [{ x, unit: "µs/message", points: time }, ...held.series(x)];
}

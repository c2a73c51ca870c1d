// What a message costs a server, counted: crossings to the wasm and frames. No clock is asked.

import assert from "node:assert/strict";

import { serverTest, text } from "./stage.mjs";

const FRAMES = 50;
/** Messages in a frame. */
const SIZE = 100;
const MESSAGES = FRAMES * SIZE;

let crossings = 0;
const { Instance } = WebAssembly;
WebAssembly.Instance = function (...values) {
  const counted = ([name, value]) => {
    if (typeof value !== "function") return [name, value];
    const call = (...values) => {
      crossings++;
      return value(...values);
    };
    return [name, call];
  };
  return { exports: Object.fromEntries(Object.entries(new Instance(...values).exports).map(counted)) };
};

async function echo(session) {
  for await (const message of session) await session.send(message);
}

serverTest("an echoed message costs one crossing, and shares its frame", { codec: "text" }, async (stage) => {
  const { probe, session } = await stage.open();
  const echoing = echo(session);
  const messages = Array(SIZE).fill("x".repeat(100));
  crossings = 0;
  let frames = 0;
  for (let frame = 0; frame < FRAMES; frame++) {
    const taken = frame * SIZE;
    probe.send(text(taken + 1, ...messages));
    for (let got = 0; got < SIZE; frames++) got += (await probe.until()).messages?.length ?? 0;
    probe.send({ type: "ack", taken: taken + SIZE, limit: taken + SIZE + 1024 });
  }
  // It is told of each that is sent. All else is for frames: some 17 for the one that comes, its answer and what both confirm.
  const each = crossings / MESSAGES;
  assert.ok(each >= 1 && each < 1.4, `${each} crossings for each message`);
  // One or two that answer, and now and then one that only confirms.
  assert.ok(frames <= 3 * FRAMES, `${frames} frames for ${FRAMES}`);
  await probe.bye();
  await echoing;
});

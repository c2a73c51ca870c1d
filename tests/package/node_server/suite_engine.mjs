// What the hub's JavaScript owes beside the rules: what is kept of frames, windows without end, and what becomes of everybody
// should the wasm ever trap.

import assert from "node:assert/strict";
import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";

import { until } from "../sessions/kit.mjs";
import { emitted, serverTest, text } from "./stage.mjs";

const PLAIN = { codec: "text" };

v8.setFlagsFromString("--expose-gc");
const collectGarbage = vm.runInNewContext("gc");

/** How many engines there were, and whether the next call of one is to trap. */
const engines = { made: 0, trap: false };
const { Instance } = WebAssembly;
WebAssembly.Instance = function (...values) {
  const { exports } = new Instance(...values);
  engines.made++;
  const handle = (...numbers) => {
    // More than there can be.
    if (engines.trap) exports.bytes_in(2 ** 32 - 1);
    return exports.handle(...numbers);
  };
  const create = (...numbers) => {
    engines.trap = false;
    exports.create(...numbers);
  };
  return { exports: { ...exports, create, handle } };
};

serverTest("should the engine trap, sessions end with what was not taken, and new ones begin", PLAIN, async (stage) => {
  // In the place of the end of the process.
  const reported = new Promise((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
  const { probe, session } = await stage.open();
  await session.send("not taken");
  const end = emitted(session, "end");
  const { made } = engines;
  engines.trap = true;
  probe.send(text(1, "the frame that finds out"));
  const [{ code, unacknowledged }] = await end;
  assert.deepEqual([code, unacknowledged], [1011, ["not taken"]]);
  assert.equal(await probe.code(), 1011, "its client comes back, as after any lost connection");
  assert.ok((await reported) instanceof WebAssembly.RuntimeError, "whoever runs the server hears of it");
  process.setUncaughtExceptionCaptureCallback(null);
  assert.equal(engines.made, made + 1, "there is another engine");
  await assert.rejects(session.send("late"), { code: "closed" });
  const next = await stage.open();
  next.probe.send(text(1, "hello"));
  for await (const message of next.session) {
    assert.equal(message, "hello");
    break;
  }
  assert.equal(stage.sessions.stats().sessions, 1);
});

for (const window of [Infinity, 2 ** 32, 2 ** 32 - 1, 1]) {
  serverTest(`a window of ${window} takes a frame for what it is`, { ...PLAIN, window }, async (stage) => {
    const { probe, session } = await stage.open();
    const messages = window === 1 ? ["1"] : ["1", "2", "3"];
    probe.send(text(1, ...messages));
    await until(() => session.stats().inbox.messages === messages.length, "all of it arrived");
  });
}

serverTest("what is held does not keep the rest of its frame", { ...PLAIN, window: 4096 }, async (stage) => {
  const { probe, session } = await stage.open();
  const large = "x".repeat(1_000_000);
  probe.send(text(1, large));
  for await (const message of session) {
    assert.equal(message.length, large.length);
    break;
  }
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const count = 100;
  for (let i = 0; i < count; i++) {
    // All but the last is a duplicate by now.
    const fresh = Array.from({ length: i + 1 }, (_, at) => `message number ${at}`);
    probe.send(text(1, large, ...fresh));
  }
  await until(() => session.stats().inbox.messages === count, "all of it arrived");
  collectGarbage();
  const kept = process.memoryUsage().heapUsed - before;
  assert.ok(kept < 20e6, `${kept} bytes are kept for ${session.stats().inbox.bytes}, of ${count} frames of 1 MB`);
});

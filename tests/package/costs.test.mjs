// What a message costs a page, counted: crossings to the wasm, frames, timers, turns. No clock is asked, so that the figures are
// the same on every machine. Whoever makes a message cheaper writes the new figure here; a dearer one had better have a reason.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { useStage } from "./stage.mjs";

const COUNTING = readFileSync(path.join(import.meta.dirname, "costs_page.js"), "utf8");
const TRIPS = 100;
const ROUNDS = 20;
/** As many as an outbox holds: all are sent in one turn, and none waits. */
const ROUND = 1000;
const MESSAGES = ROUNDS * ROUND;
/** The names in src/js/mod.rs. */
const [TAKEN, MESSAGE, TURN_ENDED, SEND, BATCH, ROOM] = [1, 7, 22, 23, 28, 29].map((input) => `input ${input}`);
const EXPORTS = /^(input |poll$|number$)/;

const stage = useStage();

/** Runs `run` in a page that counts, with an open `socket`, its iterator `messages`, and a `message` of 100 bytes. */
async function counted(durable, run, ...values) {
  const page = await stage.openPage((page) => page.addInitScript({ content: COUNTING }));
  try {
    await page.evaluate(async (durable) => {
      globalThis.message = { id: 123, name: "a thing that was measured", value: 184.5, ok: true, note: "x".repeat(21) };
      globalThis.socket = tautline.connect("/echo", { durable });
      globalThis.messages = socket[Symbol.asyncIterator]();
      await socket.opened;
      // The first opens what is opened once.
      await socket.send(message);
      await messages.next();
      await socket.flush();
    }, durable);
    return await page.evaluate(run, values);
  } finally {
    await page.context().close();
  }
}

/** In the page: the counts of each of so many round trips, none of which follows the one before so closely that it is a row. */
async function trips([count]) {
  const seen = [];
  for (let i = 0; i < count; i++) {
    for (const end = performance.now() + 0.5; performance.now() < end; );
    costs.take();
    socket.send(message);
    await messages.next();
    seen.push(costs.take());
  }
  return seen;
}

/**
 * In the page: the counts of so many rounds, and bytes each way. In a round so many messages are sent in one turn, and all come
 * back.
 */
async function rounds([count, size]) {
  const before = { ...costs.bytes };
  costs.take();
  for (let round = 0; round < count; round++) {
    for (let i = 0; i < size; i++) socket.send(message);
    for (let i = 0; i < size; i++) await messages.next();
    // What was not taken at the other end would still be in the outbox in the next round.
    await socket.flush();
  }
  const counts = costs.take();
  return { counts, bytesOut: costs.bytes.out - before.out, bytesIn: costs.bytes.in - before.in };
}

const sum = (numbers) => numbers.reduce((sum, number) => sum + number, 0);
/** All crossings, with those left out that are counted apart. */
const crossings = (counts, ...apart) =>
  sum(Object.keys(counts).map((name) => (EXPORTS.test(name) && !apart.includes(name) ? counts[name] : 0)));

/** Counts of the kind that came most often. */
function usual(all) {
  const times = new Map();
  for (const counts of all) {
    const key = JSON.stringify(Object.entries(counts).sort());
    times.set(key, (times.get(key) ?? 0) + 1);
  }
  const [[key]] = [...times].sort(([, a], [, b]) => b - a);
  return Object.fromEntries(JSON.parse(key));
}

test("a round trip without a session is a frame each way, with no timer and no turn", async () => {
  const all = await counted(false, trips, TRIPS);
  for (const trip of all) {
    assert.deepEqual(trip, {
      "frame out": 1,
      "frame in": 1,
      [SEND]: 1,
      [MESSAGE]: 1,
      [TAKEN]: 1,
      poll: 4,
      number: 8,
    });
  }
});

test("a round trip in a session is a frame each way and one turn, with no timer", async () => {
  const all = await counted(true, trips, TRIPS);
  // Now and then it is time to tell the other end what was taken, in a frame of its own. That is not usual.
  assert.deepEqual(usual(all), {
    "frame out": 1,
    "frame in": 1,
    turn: 1,
    [SEND]: 1,
    [TURN_ENDED]: 1,
    [ROOM]: 1,
    [BATCH]: 1,
    [TAKEN]: 1,
    poll: 6,
    number: 14,
  });
});

test("without a session each of many messages is a frame, and what is sent in one turn goes out in a row", async (t) => {
  const { counts, bytesOut, bytesIn } = await counted(false, rounds, ROUNDS, ROUND);
  assert.deepEqual([counts["frame out"], counts["frame in"]], [MESSAGES, MESSAGES]);
  assert.deepEqual([bytesOut, bytesIn], [100 * MESSAGES, 100 * MESSAGES]);
  assert.deepEqual([counts[SEND], counts[MESSAGE]], [MESSAGES, MESSAGES]);
  // Five, and as many for each turn that is waited for, and some for a look at how much the socket holds after every four mebibytes.
  // What came in in a row is told to be taken all at once; otherwise that is one more.
  const told = counts[TAKEN];
  const each = crossings(counts) / MESSAGES;
  t.diagnostic(`${each.toFixed(2)} crossings for each message, ${told} of all told to be taken, and ${counts.turn} turns`);
  assert.ok(told <= MESSAGES && each < 5.1 + (told + 5 * counts.turn) / MESSAGES, `${each} crossings for each message`);
  assert.deepEqual([counts.timer, counts.microtask], [undefined, undefined]);
  // What is sent in one turn is one row, and so is what is told at once.
  assert.ok(counts.turn >= ROUNDS && counts.turn < 2 * ROUNDS + told, `${counts.turn} rows in ${ROUNDS} rounds`);
});

test("in a session each of many messages crosses when it is sent, and with all of its frame when it comes", async (t) => {
  const { counts, bytesOut, bytesIn } = await counted(true, rounds, ROUNDS, ROUND);
  assert.equal(counts[SEND], MESSAGES);
  assert.deepEqual([counts[BATCH], counts[ROOM]], [counts["frame in"], counts["frame in"] + counts["control in"]]);
  // All else is for frames, and for telling what was taken, many at a time: 0.12 for a message, more where the server takes
  // its time. One more for each message would be 1.
  const more = crossings(counts, SEND) / MESSAGES;
  // The first of a round goes at once, the others when the turn ends, in two of 64 KiB; a third where the server's window ends.
  const out = counts["frame out"] / ROUNDS;
  // The server answers what it has of a frame, in one or a few.
  const back = counts["frame in"] / ROUNDS;
  const control = (counts["control out"] + counts["control in"]) / ROUNDS;
  t.diagnostic(`${more.toFixed(2)} crossings more for a message; frames for ${ROUND}: ${out} out, ${back} in, ${control} of control`);
  assert.ok(more < 0.3, `${more} crossings for each message beside that`);
  assert.ok(out <= 4, `${out} frames for ${ROUND} messages out`);
  assert.ok(back <= 20, `${back} frames for ${ROUND} messages in`);
  assert.ok(control <= 20, `${control} frames without messages for ${ROUND} that come and go`);
  // Two more at most say where each ends; the rest is what frames have of their own.
  for (const bytes of [bytesOut, bytesIn]) assert.ok(bytes < 102.5 * MESSAGES, `${bytes / MESSAGES} bytes for a message of 100`);
  for (const name of ["timer", "turn", "microtask"]) {
    assert.ok((counts[name] ?? 0) <= 10 * ROUNDS, `${counts[name]} of ${name} in ${ROUNDS} rounds`);
  }
});

test("the text of a message never gets into the wasm’s memory, neither sent nor received", async () => {
  for (const durable of [false, true]) {
    const { found, seen } = await counted(durable, async () => {
      const mark = "a text like no other, 100 %";
      // What was freed is still there, but for the beginning of its block.
      const text = "-".repeat(64) + mark;
      for (let i = 0; i < 100; i++) socket.send({ text });
      for (let i = 0; i < 100; i++) await messages.next();
      await socket.flush();
      const { buffer } = costs.memories[0];
      const latin = (bytes) => new TextDecoder("latin1").decode(bytes);
      // As UTF-8, and as the engine has it, two bytes for each character.
      const forms = [mark, [...mark].join("\0")];
      const lookFor = () => forms.map((form) => latin(buffer).includes(form));
      const found = lookFor();
      // And they would be seen.
      for (const [i, form] of forms.entries()) {
        new Uint8Array(buffer).set(new TextEncoder().encode(form), buffer.byteLength - 100 * (i + 1));
      }
      return { found, seen: lookFor() };
    });
    assert.deepEqual([found, seen], [[false, false], [true, true]], durable ? "durable" : "plain");
  }
});

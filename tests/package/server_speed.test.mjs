// What sessions are for, beside delivery: many small messages share a frame, so that a page gets through far more of them than
// one by one. Both ways to the same server, in turns, in the same page. The figure is reported; the bound is one that no busy
// machine breaks, far below it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { useDurableStage } from "./durable_stage.mjs";
import { startNodeServer } from "./node_server/start.mjs";

const ROUNDS = 3;
const LEAST = 5;
const stage = useDurableStage();

/** Messages a second, of 100 bytes and five fields, echoed. In the page: `count` of them through a WebSocket, one in a frame. */
async function plain([url, count]) {
  const socket = new WebSocket(url);
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  const start = performance.now();
  let [sent, got] = [0, 0];
  await new Promise((resolve) => {
    const send = () => {
      for (; sent < count && sent - got < 1000; sent++) socket.send(JSON.stringify(messageOf(sent)));
    };
    socket.addEventListener("message", ({ data }) => {
      if (JSON.parse(data).id !== got++) throw new Error("out of order");
      if (got === count) resolve();
      else send();
    });
    send();
  });
  const seconds = (performance.now() - start) / 1000;
  socket.close();
  return count / seconds;
}

/** The same through a session. */
async function durable([url, count]) {
  const socket = connect(url, { durable: true });
  await socket.opened;
  const start = performance.now();
  const sending = (async () => {
    for (let sent = 0; sent < count; sent++) await socket.send(messageOf(sent));
  })();
  let got = 0;
  for await (const { id } of socket) {
    if (id !== got++) throw new Error("out of order");
    if (got === count) break;
  }
  const seconds = (performance.now() - start) / 1000;
  await sending;
  await socket.close();
  return count / seconds;
}

const median = (figures) => figures.sort((a, b) => a - b)[Math.floor(figures.length / 2)];

test("a page gets many times as many messages through a session as through a WebSocket", { timeout: 120_000 }, async (t) => {
  const server = await startNodeServer(24, "--codec", "json");
  const url = `${server.url.replace(/^http/, "ws")}/echo`;
  try {
    await stage.page.evaluate(() => {
      globalThis.messageOf = (id) => ({ id, name: "a thing that was measured", value: id * 1.5, ok: true, note: "x".repeat(21) });
    });
    const figures = { plain: [], durable: [] };
    for (let round = 0; round < ROUNDS; round++) {
      figures.plain.push(await stage.page.evaluate(plain, [url, 10_000]));
      figures.durable.push(await stage.page.evaluate(durable, [url, 100_000]));
    }
    const [one, many] = [median(figures.plain), median(figures.durable)];
    t.diagnostic(`${Math.round(one)} messages a second one by one, ${Math.round(many)} in a session: ${(many / one).toFixed(1)} times`);
    assert.ok(many >= LEAST * one, `${many / one} times`);
  } finally {
    await server.stop();
  }
});

// Plain messages that follow each other closely wait for the end of their turn, and go out in a row. Nobody is to notice.

import assert from "node:assert/strict";
import { test } from "node:test";

import { useStage } from "./stage.mjs";

const stage = useStage();

/** Runs `run` with a value in a page, with `connect`, and with `sent`: what has gone to the browser's socket so far. */
async function inPage(run, value) {
  const page = await stage.openPage();
  try {
    await page.evaluate(() => {
      globalThis.connect = tautline.connect;
      globalThis.sent = [];
      const { send } = WebSocket.prototype;
      WebSocket.prototype.send = function (data) {
        sent.push(data);
        return send.call(this, data);
      };
    });
    return await page.evaluate(run, value);
  } finally {
    await page.context().close();
  }
}

test("a message on its own goes at once, and one of many at the end of its turn", async () => {
  const [first, accepted, waiting, handed] = await inPage(async () => {
    const socket = connect("/echo");
    await socket.opened;
    let accepted = 0;
    const send = () => socket.send(accepted++);
    send();
    const first = sent.length;
    // A browser that is slow at first hands on a few more before they follow each other closely.
    while (sent.length === accepted && accepted < 1000) send();
    const waiting = accepted - sent.length;
    await socket.flush();
    const handed = sent.length;
    await socket.close();
    return [first, accepted, waiting, handed];
  });
  assert.deepEqual([first, waiting, handed], [1, 1, accepted]);
});

test("more messages in one turn than the outbox holds are all accepted, and come back in order", async () => {
  const messages = await inPage(async () => {
    const socket = connect("/echo", { outbox: { messages: 100 } });
    await socket.opened;
    for (let i = 0; i < 5000; i++) socket.send(i);
    const messages = [];
    for await (const message of socket) if (messages.push(message) === 5000) break;
    await socket.close();
    return messages;
  });
  assert.deepEqual(messages, [...Array(5000).keys()]);
});

test("an outbox that drops its oldest drops nothing while the socket takes it", async () => {
  const all = await inPage(async () => {
    const socket = connect("/echo", { outbox: { messages: 10, overflow: "drop-oldest" } });
    await socket.opened;
    for (let i = 0; i < 1000; i++) socket.send(i);
    await socket.close();
    return sent;
  });
  assert.deepEqual(all, [...Array(1000).keys()].map(String));
});

test("a close hands everything to the socket in its own turn", async () => {
  const [all, { code, wasClean }] = await inPage(async () => {
    const socket = connect("/echo");
    await socket.opened;
    for (let i = 0; i < 50; i++) socket.send(i);
    const closed = socket.close();
    return [[...sent], await closed];
  });
  assert.deepEqual([all.length, code, wasClean], [50, 1000, true]);
});

for (const persisted of [false, true]) {
  test(`a page that goes ${persisted ? "aside" : "for good"} hands everything to the socket before`, async () => {
    const all = await inPage(async (persisted) => {
      const socket = connect("/echo");
      await socket.opened;
      for (let i = 0; i < 50; i++) socket.send(i);
      dispatchEvent(new PageTransitionEvent("pagehide", { persisted }));
      return [...sent];
    }, persisted);
    assert.equal(all.length, 50);
  });
}

test("a session says what waits for the turn's end before its page goes", async () => {
  const frames = await inPage(async () => {
    const socket = connect("/echo", { durable: true });
    await socket.opened;
    sent.length = 0;
    for (let i = 0; i < 3; i++) socket.send(i);
    dispatchEvent(new PageTransitionEvent("pagehide", { persisted: false }));
    return sent.map((frame) => (typeof frame === "string" ? frame : frame[0]));
  });
  // The last is the BYE.
  assert.deepEqual([frames.slice(0, -1), typeof frames.at(-1)], [["1\x1e0", "2\x1e1\x1e2"], "number"]);
});

// `tautline/websocket` over a session: code that knows the browser's WebSocket alone notices nothing of lost
// connections.

import assert from "node:assert/strict";

import { durableTest, useDurableStage } from "./durable_stage.mjs";

const stage = useDurableStage();

/** A test in which `open` makes a TautSocket, `ws`; `log` has its events with readyState, and what belongs to them. */
const socketTest = (name, run) =>
  durableTest(stage, name, ({ page, peers }) => {
    const open = (options, protocols = []) =>
      page.evaluate(async ([url, options, protocols]) => {
        const { default: TautSocket } = await import("/node_modules/tautline/websocket.js");
        const reconnect = { minDelay: 1, maxDelay: 20 };
        const socket = new TautSocket(url, protocols, { durable: true, reconnect, ...options });
        globalThis.ws = socket;
        const fields = {
          open: () => [],
          message: ({ data }) => [data],
          error: ({ error }) => [error?.code],
          close: ({ code, reason, wasClean }) => [code, reason, wasClean],
        };
        for (const [type, read] of Object.entries(fields)) {
          // One that a test has left may have an end to tell.
          socket.addEventListener(type, (event) => ws === socket && log.push([type, ws.readyState, ...read(event)]));
        }
      }, [peers.url, options, protocols]);
    return run({ page, peers, open }).finally(() =>
      page.evaluate(() => {
        globalThis.ws?.close();
        globalThis.ws = undefined;
      }),
    );
  });

const logOf = (page) => page.evaluate(() => log);

/** Waits for an event, and gives all of them. */
const until = (page, type) => page.evaluate((type) => seen(type).then(() => log), type);

socketTest("it opens once, and stays OPEN over cuts, without a close or an error", async ({ page, peers, open }) => {
  await open({}, ["a", "b"]);
  const first = await peers.greet({ protocol: "b" });
  assert.deepEqual(first.hello.protocols, ["a", "b"]);
  await until(page, "open");
  assert.equal(await page.evaluate(() => ws.protocol), "b");
  let peer = first;
  for (let round = 1; round <= 3; round++) {
    peer.cut();
    // An attempt that fails, as well.
    (await peers.next()).cut();
    await page.evaluate((round) => ws.send(`message ${round}`), round);
    peer = await peers.greet({ resumed: true, protocol: "b", taken: round - 1 });
    const [{ seq, messages }] = await peer.untilMessages(1);
    assert.deepEqual([seq, messages], [round, [`message ${round}`]]);
    peer.ack(round);
    peer.texts(round, `answer ${round}`);
    await page.evaluate((round) => seen("message", round), round);
  }
  assert.deepEqual(await logOf(page), [
    ["open", 1],
    ["message", 1, "answer 1"],
    ["message", 1, "answer 2"],
    ["message", 1, "answer 3"],
  ]);
  assert.deepEqual(await page.evaluate(() => [ws.readyState, ws.protocol, ws.bufferedAmount]), [1, "b", 0]);
});

socketTest("before the first open `send` throws, as ever", async ({ page, peers, open }) => {
  await open();
  await peers.next();
  const thrown = await page.evaluate(() => {
    try {
      ws.send("early");
      return "nothing";
    } catch ({ name }) {
      return name;
    }
  });
  assert.deepEqual([thrown, await page.evaluate(() => ws.readyState)], ["InvalidStateError", 0]);
});

socketTest("all that can be sent goes out in order, Blobs among it, and counts until it is taken", async (it) => {
  const { page, peers } = it;
  await it.open();
  const peer = await peers.greet();
  await until(page, "open");
  const buffered = await page.evaluate(() => {
    const bytes = Uint8Array.of(1, 2, 3);
    ws.send("größe");
    ws.send(bytes.subarray(1));
    ws.send(new Blob(["blob"]));
    ws.send("after it");
    ws.send(bytes.buffer);
    bytes.fill(9);
    ws.send(7);
    return ws.bufferedAmount;
  });
  const messages = (await peer.untilMessages(6)).flatMap(({ messages }) => messages);
  const plain = (message) => (typeof message === "string" ? message : Buffer.from(message).toString("hex"));
  assert.deepEqual(messages.map(plain), ["größe", "0203", "626c6f62", "after it", "010203", "7"]);
  assert.equal(buffered, 7 + 2 + 4 + 8 + 3 + 1);
  peer.ack(5);
  await page.evaluate(async () => {
    while (ws.bufferedAmount !== 1) await new Promise((resolve) => setTimeout(resolve, 1));
  });
});

socketTest("bytes arrive as `binaryType` says", async ({ page, peers, open }) => {
  await open();
  const peer = await peers.greet();
  await until(page, "open");
  peer.send({ type: "batch", seq: 1, messages: [Uint8Array.of(1), "text"] });
  await page.evaluate(() => seen("message", 2));
  await page.evaluate(() => void (ws.binaryType = "arraybuffer"));
  peer.send({ type: "batch", seq: 3, messages: [Uint8Array.of(2, 3)] });
  const kinds = await page.evaluate(async () => {
    await seen("message", 3);
    const all = log.filter(([type]) => type === "message").map(([, , data]) => data);
    return [all[0].constructor.name, all[0].size, all[1], all[2].constructor.name, all[2].byteLength];
  });
  assert.deepEqual(kinds, ["Blob", 1, "text", "ArrayBuffer", 2]);
});

socketTest("close waits for what was sent to be taken, says BYE, and is told once", async ({ page, peers, open }) => {
  await open();
  const peer = await peers.greet();
  await until(page, "open");
  await page.evaluate(() => {
    ws.send(new Blob(["last"]));
    ws.close(4001, "enough");
  });
  await peer.untilMessages(1);
  assert.equal(await page.evaluate(() => ws.readyState), 2);
  peer.ack(1);
  const { code, frames } = await peer.end();
  const said = frames.map(({ type, code, reason }) => [type, code, reason]);
  assert.deepEqual([code, said], [1000, [["bye", 4001, "enough"]]]);
  assert.deepEqual(await until(page, "close"), [["open", 1], ["close", 3, 4001, "enough", true]]);
});

socketTest("close without a code ends the session, too", async ({ page, peers, open }) => {
  await open();
  const peer = await peers.greet();
  await until(page, "open");
  await page.evaluate(() => ws.close());
  const { code, frames } = await peer.end();
  assert.deepEqual([code, frames.map(({ type }) => type)], [1000, ["bye"]]);
  const [, [type, state, , , wasClean], ...more] = await until(page, "close");
  assert.deepEqual([type, state, wasClean, more], ["close", 3, true, []]);
});

socketTest("a lost session is an error and a close, for good; the one that was offered ends by BYE", async (it) => {
  const { page, peers } = it;
  await it.open();
  const first = await peers.greet();
  await until(page, "open");
  await page.evaluate(() => ws.send("unknown"));
  await first.untilMessages(1);
  first.cut();
  const second = await peers.greet({ token: "another" });
  const events = [["open", 1], ["error", 3, "session-lost"], ["close", 3, 1006, "", false]];
  assert.deepEqual(await until(page, "close"), events);
  const { frames } = await second.end();
  assert.deepEqual(frames.map(({ type }) => type), ["bye"], "it need not be kept");
  assert.equal(peers.count, 2);
});

socketTest("a BYE of the server is a close, as is 4409 with an error", async ({ page, peers, open }) => {
  await open();
  const peer = await peers.greet();
  await until(page, "open");
  peer.sendTogether({ type: "text", seq: 1, messages: ["before"] }, { type: "bye", code: 4321, reason: "over" });
  const events = [["open", 1], ["message", 1, "before"], ["close", 3, 4321, "over", true]];
  assert.deepEqual(await until(page, "close"), events);
  await page.evaluate(() => reset());
  await open();
  const superseded = await peers.greet();
  await until(page, "open");
  superseded.close(4409, "elsewhere");
  const ends = [["open", 1], ["error", 3, "superseded"], ["close", 3, 4409, "elsewhere", true]];
  assert.deepEqual(await until(page, "close"), ends);
  assert.equal(peers.count, 2);
});

// What a durable socket puts on the wire, frame by frame, and how much of it.

import assert from "node:assert/strict";

import { WELCOME } from "./durable_peer.mjs";
import { durableTest, useDurableStage } from "./durable_stage.mjs";

const FRAME_BYTES = 64 * 1024;
/** A position and what stands before each message are not counted in it. */
const FRAME_HEAD = 32;

const stage = useDurableStage();
const wireTest = (name, run) => durableTest(stage, name, run);

/** What the frames carried, as [position, messages]. */
const contents = (frames) => frames.map(({ seq, messages }) => [seq, messages.map(plain)]);
const plain = (message) => (typeof message === "string" ? message : [...message]);

wireTest("the first frame is HELLO, alone, and WELCOME chooses the subprotocol", async ({ page, peers, open }) => {
  await open({ protocols: ["b", "a"] });
  const peer = await peers.next();
  await page.evaluate(() => void socket.send("early"));
  const { size, maxMessage, ...hello } = await peer.until();
  assert.deepEqual(hello, { type: "hello", token: "", taken: 0, limit: 4096, attempt: 1, protocols: ["b", "a"] });
  assert.ok(maxMessage >= 1 << 20, `${maxMessage} bytes are less than the other side's default`);
  assert.deepEqual(peers.offers, [["tautline.v1"]]);
  const seen = await page.evaluate(() => [socket.state, socket.protocol]);
  assert.deepEqual([peer.frames, seen], [[], ["connecting", ""]], "nothing else comes before WELCOME");
  peer.send({ type: "welcome", ...WELCOME, protocol: "a" });
  assert.equal((await peer.until()).type, "text");
  assert.deepEqual(await page.evaluate(() => [socket.state, socket.protocol]), ["open", "a"]);
});

wireTest("a message alone is a frame of its own, on the socket before `send` returns", async (it) => {
  const { page, peers, open } = it;
  await open();
  const peer = await peers.greet();
  const handed = await page.evaluate(async () => {
    await socket.opened;
    const handed = spy();
    const counts = [];
    for (let n = 0; n < 3; n++) {
      socket.send(`message ${n}`);
      counts.push(handed.length);
      // The next turn is quiet again.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return counts;
  });
  assert.deepEqual(handed, [1, 2, 3]);
  const frames = await peer.untilMessages(3);
  assert.deepEqual(contents(frames), [[1, ["message 0"]], [2, ["message 1"]], [3, ["message 2"]]]);
});

for (const [how, awaits] of [["in one turn", false], ["in a loop that awaits each", true]]) {
  wireTest(`1,000 messages ${how}: the first at once, the rest in full frames`, async ({ page, peers, open }) => {
    await open();
    const peer = await peers.greet({ limit: 4000 });
    const handed = await page.evaluate(async (awaits) => {
      await socket.opened;
      const handed = spy();
      for (let n = 0; n < 1000; n++) {
        const accepted = socket.send(`${n}`.padEnd(200, "."));
        if (awaits) await accepted;
      }
      return handed.length;
    }, awaits);
    assert.equal(handed, 1, "what follows the first waits for the end of the turn");
    const frames = await peer.untilMessages(1000);
    const received = frames.flatMap(({ messages }) => messages.map(Number.parseFloat));
    assert.deepEqual(received, Array.from({ length: 1000 }, (_, n) => n));
    assert.deepEqual(frames.map(({ messages }) => messages.length > 1), [false, true, true, true, true]);
    for (const { size } of frames) assert.ok(size <= FRAME_BYTES + FRAME_HEAD, `a frame of ${size} bytes`);
  });
}

wireTest("a message larger than a frame goes alone, between the others in order", async ({ page, peers, open }) => {
  await open();
  const peer = await peers.greet();
  await page.evaluate(async () => {
    await socket.opened;
    const big = "x".repeat(70_000);
    for (const message of ["a", "b", "c", big, "d", "e"]) socket.send(message);
  });
  const frames = await peer.untilMessages(6);
  assert.deepEqual(frames.map(({ seq, messages }) => [seq, messages.map(({ length }) => length)]), [
    [1, [1]],
    [2, [1, 1]],
    [4, [70_000]],
    [22, [1, 1]],
  ]);
});

wireTest("positions count bytes of UTF-8, and begin where the message before ends", async ({ page, peers, open }) => {
  await open();
  const peer = await peers.greet();
  await page.evaluate(async () => {
    await socket.opened;
    // 0, 4,095, 4,096, 10,000 and three times 4,095 bytes.
    const first = ["", "x".repeat(4095), "ö".repeat(2048), "🪢".repeat(2500)];
    for (const message of [...first, "€".repeat(1365), "\ud800".repeat(1365), ""]) socket.send(message);
  });
  const frames = await peer.untilMessages(7);
  assert.deepEqual(frames.map(({ seq, messages }) => [seq, messages.length]), [[1, 1], [2, 6]]);
  await page.evaluate(() => void socket.send("next"));
  const [{ seq }] = await peer.untilMessages(1);
  assert.equal(seq, 11);
});

wireTest("text that fits into text frames goes there; bytes, and text with U+001E, into batches", async (it) => {
  const { page, peers, open } = it;
  await page.evaluate((url) => void open(url, { codec: raw }), peers.url);
  const peer = await peers.greet();
  await page.evaluate(async () => {
    await socket.opened;
    const turns = [
      ["\ufeffkept", "lone \ud800 \udc00", ""],
      ["a", "b\u001ec"],
      [Uint8Array.of(0, 255, 30)],
      [new Uint8Array(), "text"],
    ];
    for (const turn of turns) {
      // The first message of a turn goes alone, whatever it is.
      for (const message of ["first", ...turn]) socket.send(message);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
  const frames = (await peer.untilMessages(12)).filter(({ messages }) => messages[0] !== "first");
  assert.deepEqual(frames.map(({ type }) => type), ["text", "batch", "batch", "batch"]);
  assert.deepEqual(contents(frames), [
    [2, ["\ufeffkept", "lone \ufffd \ufffd", ""]],
    [6, ["a", "b\u001ec"]],
    [9, [[0, 255, 30]]],
    [11, [[], "text"]],
  ]);
});

for (const codec of ["json", "text"]) {
  wireTest(`long text goes as bytes, which a browser sends faster: ${codec}`, async ({ page, peers, open }) => {
    await page.evaluate(([url, codec]) => void open(url, { codec }), [peers.url, codec]);
    const peer = await peers.greet();
    await page.evaluate(async () => {
      await socket.opened;
      for (const message of ["é".repeat(20_000), "x".repeat(20_000), "short"]) {
        socket.send(message);
        // The next turn is quiet again.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    const frames = await peer.untilMessages(3);
    assert.deepEqual(frames.map(({ type, seq }) => [type, seq]), [["batch", 1], ["batch", 11], ["text", 16]]);
    const messages = frames.flatMap(({ messages }) => messages.map(codec === "json" ? JSON.parse : String));
    assert.deepEqual(messages, ["é".repeat(20_000), "x".repeat(20_000), "short"]);
  });
}

wireTest("JSON that is not long goes into text frames, whatever is in it", async ({ page, peers, open }) => {
  await page.evaluate((url) => void open(url, { codec: "json" }), peers.url);
  const peer = await peers.greet();
  await page.evaluate(async () => {
    await socket.opened;
    for (const message of ["\u001e", { "\u001e": "ö" }, null]) socket.send(message);
  });
  const frames = await peer.untilMessages(3);
  assert.deepEqual(frames.map(({ type }) => type), ["text", "text"]);
  assert.deepEqual(frames.flatMap(({ messages }) => messages.map(JSON.parse)), ["\u001e", { "\u001e": "ö" }, null]);
});

wireTest("bytes belong to the socket from `send` on, those that go out again, too", async ({ page, peers, open }) => {
  await open({ codec: "bytes" });
  const first = await peers.greet();
  await page.evaluate(async () => {
    await socket.opened;
    const memory = Uint8Array.of(1, 2, 3, 4);
    socket.send(memory.subarray(1, 3));
    socket.send(memory);
    memory.fill(9);
  });
  const sent = [[1, [[2, 3]]], [2, [[1, 2, 3, 4]]]];
  assert.deepEqual(contents(await first.untilMessages(2)), sent);
  first.cut();
  const second = await peers.greet({ resumed: true });
  assert.deepEqual(contents(await second.untilMessages(2)).flatMap(([, messages]) => messages), [[2, 3], [1, 2, 3, 4]]);
});

wireTest("what the other end has not taken goes out again where it was, in few frames", async (it) => {
  const { page, peers, open } = it;
  await open();
  const first = await peers.greet();
  await page.evaluate(async () => {
    await socket.opened;
    for (let n = 1; n <= 500; n++) socket.send(n === 7 ? "x".repeat(5000) : `${n}`);
  });
  await first.untilMessages(500);
  first.texts(1, "a", "b", "c");
  assert.deepEqual(await page.evaluate(() => take(2)), ["a", "b"]);
  first.ack(3);
  await page.evaluate(() => until(() => socket.stats().unacknowledged === 497));
  first.cut();
  const second = await peers.next();
  const { token, taken, limit, attempt } = await second.until("hello");
  assert.deepEqual([token, taken, limit, attempt], ["a-token", 2, 4098, 2]);
  second.send({ type: "welcome", ...WELCOME, resumed: true, taken: 6, limit: 1030 });
  const frames = await second.untilMessages(494);
  assert.deepEqual(frames.map(({ seq, messages }) => [seq, messages[0].slice(0, 3)]), [[7, "xxx"]]);
  assert.equal(frames[0].messages.length, 494);
  const { unacknowledged, outbox, reconnects } = await page.evaluate(() => socket.stats());
  assert.deepEqual([unacknowledged, outbox.messages, reconnects], [494, 494, 1]);
});

wireTest("what the limit forbids waits, and a message may run past it", async ({ page, peers, open }) => {
  await open();
  const peer = await peers.greet({ limit: 3 });
  await page.evaluate(async () => {
    await socket.opened;
    for (const message of ["1", "2", "3".repeat(9000), "6", "7"]) socket.send(message);
  });
  const [, second] = await peer.untilMessages(3);
  assert.deepEqual(second.messages.map(({ length }) => length), [1, 9000]);
  const { sent, unacknowledged, outbox } = await page.evaluate(() => socket.stats());
  assert.deepEqual([sent, unacknowledged, outbox.messages], [3, 3, 5]);
  // A lower limit than before has no effect, nor has an old ACK.
  peer.send({ type: "ack", taken: 2, limit: 6 });
  peer.send({ type: "ack", taken: 1, limit: 1 });
  assert.deepEqual(contents(await peer.untilMessages(1)), [[6, ["6"]]]);
  peer.ack(5, 7);
  assert.deepEqual(contents(await peer.untilMessages(1)), [[7, ["7"]]]);
});

wireTest("a PING is answered at once, and an ACK that is owed goes before the PONG", async ({ page, peers, open }) => {
  await open();
  const peer = await peers.greet();
  peer.send({ type: "ping", nonce: 300 });
  const { nonce } = await peer.until();
  assert.equal(nonce, 300);
  await page.evaluate(() => listen());
  peer.sendTogether({ type: "text", seq: 1, messages: ["taken"] }, { type: "ping", nonce: 2 ** 53 - 1 });
  const [ack, pong] = [await peer.until(), await peer.until()];
  assert.deepEqual([ack.type, ack.taken, ack.limit], ["ack", 1, 4097]);
  assert.deepEqual([pong.type, pong.nonce], ["pong", 2 ** 53 - 1]);
  // A PONG that nobody asked for means nothing.
  peer.send({ type: "pong", nonce: 5 });
  peer.send({ type: "ping", nonce: 6 });
  assert.equal((await peer.until("pong")).nonce, 6);
});

wireTest("messages one by one get an ACK for many, which says all in the end", async ({ page, peers, open }) => {
  await open();
  const peer = await peers.greet();
  await page.evaluate(() => listen());
  for (let n = 1; n <= 2000; n++) peer.texts(n, `${n}`);
  const acks = [];
  do acks.push(await peer.until("ack"));
  while (acks.at(-1).taken < 2000);
  assert.ok(acks.length <= 200, `${acks.length} ACKs for 2,000 messages`);
  for (const { taken, limit } of acks) assert.equal(limit, taken + 4096);
  assert.equal(await page.evaluate(() => messages.length), 2000);
});

wireTest("an ACK goes out at once when the other end stood at the limit, and after half the window", async (it) => {
  const { page, peers, open } = it;
  await open({ inbox: { messages: 8 } });
  const peer = await peers.greet();
  assert.equal(peer.hello.limit, 8);
  /** Takes one after the other in a single turn; whether there was an ACK on the socket after each. */
  const takeThem = (count) =>
    page.evaluate(async (count) => {
      await until(() => socket.stats().inbox.messages === count);
      const handed = spy();
      const messages = socket[Symbol.asyncIterator]();
      const counts = [];
      for (let n = 0; n < count; n++) {
        await messages.next();
        counts.push(handed.length);
      }
      messages.return();
      return counts;
    }, count);
  peer.texts(1, "1", "2", "3", "4", "5", "6");
  assert.deepEqual(await takeThem(6), [0, 0, 0, 1, 1, 1], "half of eight is four");
  const [{ taken, limit }, last] = [await peer.until("ack"), await peer.until("ack")];
  assert.deepEqual([taken, limit, last.taken, last.limit], [4, 12, 6, 14], "the rest follows by itself");
  peer.texts(7, "7", "8", "9", "10", "11", "12", "13", "14");
  assert.equal((await takeThem(8))[0], 1, "it stood at 14");
});

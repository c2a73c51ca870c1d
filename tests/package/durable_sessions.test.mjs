// A session from its beginning to its loss: what goes on over a cut, what is told, and what becomes of messages whose
// outcome nobody knows.

import assert from "node:assert/strict";

import { WELCOME } from "./durable_peer.mjs";
import { durableTest, useDurableStage } from "./durable_stage.mjs";

const stage = useDurableStage();
const sessionTest = (name, run) => durableTest(stage, name, run);
const logOf = (page) => page.evaluate(() => log);

/** What the frames carried, one after the other. */
const texts = (frames) => frames.flatMap(({ messages }) => messages);

sessionTest("each open says whether the session goes on; the subprotocol stays", async ({ page, peers, open }) => {
  await open({ protocols: ["a", "b"] });
  const first = await peers.greet({ protocol: "b" });
  await page.evaluate(() => seen("open"));
  first.cut();
  await page.evaluate(() => seen("disconnect"));
  assert.equal(await page.evaluate(() => socket.protocol), "b");
  await peers.greet({ resumed: true, protocol: "b" });
  await page.evaluate(() => seen("open", 2));
  const events = [["open", false], ["disconnect", 1006, "", false], ["open", true]];
  assert.deepEqual(await logOf(page), events);
  assert.deepEqual(await page.evaluate(() => [socket.protocol, socket.state]), ["b", "open"]);
});

sessionTest("without subprotocols none is chosen", async ({ page, peers, open }) => {
  await open();
  const peer = await peers.greet();
  await page.evaluate(() => socket.opened);
  assert.deepEqual([peer.hello.protocols, await page.evaluate(() => socket.protocol)], [[], ""]);
});

sessionTest("stats tell what is not taken and what waits, in messages and in bytes of UTF-8", async (it) => {
  const { page, peers, open } = it;
  await open();
  const peer = await peers.greet({ limit: 2 });
  await page.evaluate(async () => {
    await socket.opened;
    for (const message of ["1", "größe", "3"]) socket.send(message);
  });
  await peer.untilMessages(2);
  const { outbox, sent, unacknowledged } = await page.evaluate(() => socket.stats());
  assert.deepEqual([outbox, sent, unacknowledged], [{ messages: 3, bytes: 9 }, 2, 2]);
  peer.ack(2, 9);
  await page.evaluate(() => until(() => socket.stats().unacknowledged === 1 && socket.stats().outbox.messages === 1));
});

sessionTest("stats tell how long the server takes to answer: HELLO, and every PING", async ({ page, peers, open }) => {
  await open({ heartbeat: { interval: 20, timeout: 10_000 } });
  const peer = await peers.next();
  assert.equal(await page.evaluate(() => socket.stats().rtt), null);
  await peer.greet();
  const early = await page.evaluate(() => socket.opened.then(() => socket.stats().rtt));
  const { nonce } = await peer.until("ping");
  // Nobody asked for that one.
  peer.send({ type: "pong", nonce: nonce + 1 });
  const again = await peer.until("ping");
  await new Promise((resolve) => setTimeout(resolve, 100));
  peer.send({ type: "pong", nonce: again.nonce });
  await page.evaluate((early) => until(() => socket.stats().rtt !== early), early);
  const late = await page.evaluate(() => socket.stats().rtt);
  assert.equal(typeof early, "number");
  assert.ok(late >= 99, `${late} ms where the server took 100`);
});

sessionTest("what arrived before a cut and is not taken comes once, though it is sent again", async (it) => {
  const { page, peers, open } = it;
  await open();
  const first = await peers.greet();
  first.texts(1, "1", "2", "3");
  await page.evaluate(() => until(() => socket.stats().inbox.messages === 3));
  first.cut();
  const second = await peers.greet({ resumed: true });
  assert.deepEqual([second.hello.taken, second.hello.limit], [0, 4096]);
  second.texts(1, "1", "2");
  second.texts(2, "2", "3", "4");
  const taken = await page.evaluate(async () => {
    const taken = await take(4);
    return [taken, socket.stats().inbox.messages, socket.stats().received];
  });
  assert.deepEqual(taken, [["1", "2", "3", "4"], 0, 4]);
  assert.equal((await second.until("ack")).taken, 4);
});

/** A session that the server forgets: three messages went out, of which one is taken, and two never went out. */
async function loseSession({ page, peers, open }, options, change = () => {}) {
  await open({ inbox: { messages: 10 }, ...options });
  const first = await peers.greet({ limit: 3 });
  await page.evaluate(async () => {
    await socket.opened;
    for (const message of ["1", "2", "3", "4", "5"]) socket.send(message);
    globalThis.flushed = codeOf(socket.flush());
  });
  await first.untilMessages(3);
  first.ack(1, 3);
  first.texts(1, "a", "b", "c");
  await page.evaluate(() => until(() => socket.stats().unacknowledged === 2 && socket.stats().inbox.messages === 3));
  assert.deepEqual(await page.evaluate(() => take(1)), ["a"]);
  assert.equal((await first.until("ack")).taken, 1);
  await change();
  first.cut();
  const second = await peers.next();
  const hello = await second.until("hello");
  assert.deepEqual([hello.token, hello.taken], ["a-token", 1]);
  second.send({ type: "welcome", ...WELCOME, token: "another" });
  return second;
}

sessionTest("a lost session hands back what went out; what never did goes out in the next", async (it) => {
  const { page, peers } = it;
  const second = await loseSession(it);
  // The limit that HELLO named was the old session's: two messages of it still take up room.
  const { type, taken, limit } = await second.until();
  assert.deepEqual([type, taken, limit], ["ack", 0, 8]);
  const frames = await second.untilMessages(2);
  assert.deepEqual([frames[0].seq, texts(frames)], [1, ["4", "5"]]);
  await page.evaluate(() => seen("sessionlost"));
  const events = [["open", false], ["disconnect", 1006, "", false], ["sessionlost", ["2", "3"], 0], ["open", false]];
  assert.deepEqual(await logOf(page), events);
  assert.equal(await page.evaluate(() => flushed), "session-lost");
  const flushed = page.evaluate(() => codeOf(socket.flush()));
  second.ack(2);
  assert.equal(await flushed, "", "what goes on can be flushed");
  // What was held comes first, and its room is free only then.
  second.texts(1, "d");
  assert.deepEqual(await page.evaluate(() => take(3)), ["b", "c", "d"]);
  const last = await second.until("ack");
  assert.deepEqual([last.taken, last.limit], [1, 11]);
  second.cut();
  const third = await peers.greet({ resumed: true, token: "another", taken: 2 });
  assert.deepEqual([third.hello.token, third.hello.taken, third.hello.limit], ["another", 1, 11]);
});

sessionTest("with onSessionLost: \"resend\" it goes out again, and flush waits for it", async (it) => {
  const { page } = it;
  const second = await loseSession(it, { onSessionLost: "resend" });
  const frames = await second.untilMessages(4);
  assert.deepEqual([frames[0].seq, texts(frames)], [1, ["2", "3", "4", "5"]]);
  await page.evaluate(() => seen("sessionlost"));
  assert.deepEqual((await logOf(page)).at(-2), ["sessionlost", [], 2]);
  second.ack(4);
  assert.equal(await page.evaluate(() => flushed), "");
});

sessionTest("but not after the credentials were refused: somebody else may be logged in now", async (it) => {
  const { page, peers } = it;
  await it.open({ onSessionLost: "resend" });
  const first = await peers.greet();
  await page.evaluate(() => socket.opened.then(() => socket.send("of the old one")));
  await first.until("text");
  first.close(4401, "who are you?");
  await peers.greet({ token: "another" });
  await page.evaluate(() => seen("open", 2));
  assert.deepEqual((await logOf(page)).slice(2), [["sessionlost", ["of the old one"], 0], ["open", false]]);
});

sessionTest("a session that is lost with nothing under way is told, too, and flush has nothing to fear", async (it) => {
  const { page, peers } = it;
  await it.open();
  const first = await peers.greet({ limit: 0 });
  await page.evaluate(async () => {
    await socket.opened;
    socket.send("never went out");
    globalThis.flushed = codeOf(socket.flush());
  });
  first.cut();
  const second = await peers.greet({ token: "another" });
  assert.deepEqual(texts(await second.untilMessages(1)), ["never went out"]);
  second.ack(1);
  assert.equal(await page.evaluate(() => flushed), "");
  assert.deepEqual((await logOf(page))[2], ["sessionlost", [], 0]);
});

sessionTest("messages come back as the application sent them; sends that waited for room go on", async (it) => {
  const { page, peers } = it;
  await page.evaluate((url) => void open(url, { codec: "json", outbox: { messages: 2 } }), peers.url);
  const first = await peers.greet();
  await page.evaluate(async () => {
    await socket.opened;
    socket.addEventListener("sessionlost", () => sends.push(codeOf(socket.send({ n: 4 }))));
    globalThis.sends = [1, 2, 3].map((n) => codeOf(socket.send({ n })));
  });
  await first.untilMessages(2);
  first.cut();
  const second = await peers.greet({ token: "another" });
  const frames = await second.untilMessages(2);
  assert.deepEqual(texts(frames), ['{"n":3}', '{"n":4}']);
  assert.deepEqual(await page.evaluate(() => Promise.all(sends)), ["", "", "", ""]);
  assert.deepEqual((await logOf(page))[2], ["sessionlost", [{ n: 1 }, { n: 2 }], 0]);});

/** WELCOMEs that can't be true for a client that comes back to "a-token", with one of its two messages taken. */
const FAULTS = {
  "goes on by another token": { resumed: true, token: "another", taken: 1 },
  "goes on without a token": { resumed: true, token: "", taken: 1 },
  "has taken more than was sent": { resumed: true, taken: 3 },
  "has taken less than it acknowledged": { resumed: true, taken: 0 },
  "takes smaller messages than before": { resumed: true, taken: 1, maxMessage: WELCOME.maxMessage - 1 },
  "goes on with a subprotocol that nobody offered": { resumed: true, taken: 1, protocol: "z" },
  "goes on with another subprotocol": { resumed: true, taken: 1, protocol: "b" },
  "begins anew and has taken something": { resumed: false, token: "another", taken: 1 },
  "begins anew without a token": { resumed: false, token: "" },
  "begins anew with the old token": { resumed: false },
};

for (const [fault, welcome] of Object.entries(FAULTS)) {
  sessionTest(`a WELCOME that ${fault} is not believed: the session is lost, and says so`, async (it) => {
    const { page, peers, open } = it;
    await open({ protocols: ["a", "b"] });
    const first = await peers.greet({ protocol: "a" });
    await page.evaluate(async () => {
      await socket.opened;
      socket.send("taken");
      socket.send("unknown");
    });
    await first.untilMessages(2);
    first.ack(1);
    await page.evaluate(() => until(() => socket.stats().unacknowledged === 1));
    first.cut();
    const second = await peers.greet({ protocol: "a", ...welcome });
    assert.deepEqual((await second.end()).frames, [], "nothing is said to it");
    const third = await peers.greet({ token: "a-third", protocol: "a" });
    const { token, taken, limit, attempt } = third.hello;
    assert.deepEqual([token, taken, limit, attempt], ["", 0, 4096, 3]);
    await page.evaluate(() => seen("open", 2));
    assert.deepEqual((await logOf(page)).slice(1), [
      ["disconnect", 1006, "", false],
      ["sessionlost", ["unknown"], 0],
      ["open", false],
    ]);
    await page.evaluate(() => void socket.send("goes on"));
    const [frame] = await third.untilMessages(1);
    assert.deepEqual([frame.seq, frame.messages], [1, ["goes on"]]);
  });
}

sessionTest("room that held messages of a lost session take up is not offered to the next", async (it) => {
  const { page, peers, open } = it;
  await open({ inbox: { messages: 4 } });
  const first = await peers.greet();
  first.texts(1, "1", "2", "3", "4");
  await page.evaluate(() => until(() => socket.stats().inbox.messages === 4));
  first.cut();
  // At fault, so that the next HELLO asks for a new session.
  await peers.greet({ resumed: true, token: "another" });
  const second = await peers.greet({ token: "a-third" });
  assert.deepEqual([second.hello.token, second.hello.limit], ["", 0]);
  assert.deepEqual(await page.evaluate(() => take(3)), ["1", "2", "3"]);
  const acks = [];
  do acks.push(await second.until("ack"));
  while (acks.at(-1).limit < 3);
  assert.deepEqual([acks.at(-1).taken, acks.at(-1).limit], [0, 3]);
  second.texts(1, "5", "6", "7");
  assert.deepEqual(await page.evaluate(() => take(4)), ["4", "5", "6", "7"]);
});
